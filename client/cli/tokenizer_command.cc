// hawser tokenizer train, encode, decode, info: tokenizers on files of one's
// own, without a cluster.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "client/cli/tokenizer_directory.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/tokenizer/bpe_trainer.h"
#include "common/tokenizer/make_tokenizer.h"
#include "common/tokenizer/utf8.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kPiece = size_t{1} << 20;
constexpr size_t kMaxWord = size_t{64} << 20;
constexpr size_t kMaxText = size_t{1} << 30;

struct TokenizerFlags {
  int64_t vocabulary = 0;
  std::string to;
  std::vector<std::string> files;
  std::string tokenizer;
  std::string file = "/dev/stdin";
};

// Counts a file's words without holding the file.
absl::Status AddFile(const std::string& path, BpeTrainer* trainer) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return SystemError("open", path);
  std::string text;  // what has not been counted
  uint64_t before = 0;
  for (bool last = false; !last;) {
    const size_t kept = text.size();
    text.resize(kept + kPiece);
    ssize_t got;
    do {
      got = ::read(file.get(), text.data() + kept, kPiece);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return SystemError("read", path);
    text.resize(kept + static_cast<size_t>(got));
    last = got == 0;
    const size_t valid = ValidUtf8Prefix(text);
    const absl::string_view rest = absl::string_view(text).substr(valid);
    if (!rest.empty() && (last || !IsUnfinishedUtf8(rest))) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": not UTF-8 at byte ", before + valid,
                       "; convert it (iconv -t UTF-8)"));
    }
    const size_t used =
        trainer->AddSome(absl::string_view(text).substr(0, valid), last);
    before += used;
    text.erase(0, used);
    if (text.size() > kMaxWord) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": no end of a word from byte ", before, " on"));
    }
  }
  if (before == 0) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> Train(const TokenizerFlags& flags) {
  BpeTrainer trainer;
  for (const std::string& path : flags.files) {
    RETURN_IF_ERROR(AddFile(path, &trainer));
  }
  const std::string text = trainer.Train(flags.vocabulary);
  RETURN_IF_ERROR(WriteWholeFile(flags.to, text));
  const auto tokens = Json::parse(text)["model"]["vocab"].size();
  return Json({{"file", flags.to}, {"vocabulary", tokens}});
}

// "bytes", a directory, a .model of sentencepiece, else a tokenizer.json.
absl::StatusOr<std::unique_ptr<Tokenizer>> Open(const std::string& name) {
  TokenizerSpec spec;
  std::error_code ignored;
  if (std::filesystem::is_directory(name, ignored)) {
    ASSIGN_OR_RETURN(spec, TokenizerInDirectory(name));
  } else if (absl::EndsWith(name, ".model")) {
    spec.set_sentencepiece(name);
  } else if (name != "bytes") {
    spec.set_tokenizer_json(name);
  }
  return MakeTokenizer(spec, [](const std::string& path) {
    return ReadWholeFile(path, kMaxTokenizerBytes);
  });
}

absl::StatusOr<Json> Info(const TokenizerFlags& flags) {
  ASSIGN_OR_RETURN(const auto tokenizer, Open(flags.tokenizer));
  Json json = {{"vocabulary", tokenizer->vocabulary()}};
  if (tokenizer->end_of_text().has_value()) {
    json["end_of_text"] = *tokenizer->end_of_text();
  }
  return json;
}

absl::StatusOr<Json> Encode(const TokenizerFlags& flags) {
  ASSIGN_OR_RETURN(const auto tokenizer, Open(flags.tokenizer));
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(flags.file, kMaxText));
  ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, tokenizer->Encode(text));
  return Json({{"tokens", tokens}});
}

absl::StatusOr<Json> Decode(const TokenizerFlags& flags) {
  ASSIGN_OR_RETURN(const auto tokenizer, Open(flags.tokenizer));
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(flags.file, kMaxText));
  std::vector<int32_t> tokens;
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \t\r\n,"), absl::SkipEmpty())) {
    int32_t token = 0;
    if (!absl::SimpleAtoi(word, &token)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", word.substr(0, 40), "\" is not a token's number"));
    }
    tokens.push_back(token);
  }
  ASSIGN_OR_RETURN(const std::string decoded, tokenizer->Decode(tokens));
  return Json({{"text", decoded}});
}

std::string TextOf(const Json& json) {
  if (json.contains("text")) return json["text"].get<std::string>();
  if (json.contains("tokens")) {
    return absl::StrJoin(json["tokens"].get<std::vector<int32_t>>(), " ") +
           "\n";
  }
  std::string text;
  for (const auto& [name, value] : json.items()) {
    const std::string shown =
        value.is_string() ? value.get<std::string>() : value.dump();
    absl::StrAppend(&text, name, " ", shown, "\n");
  }
  return text;
}

using Act = absl::StatusOr<Json> (*)(const TokenizerFlags&);

}  // namespace

void AddTokenizerCommand(CommandLine* line) {
  auto flags = std::make_shared<TokenizerFlags>();
  CLI::App* family = line->app.add_subcommand(
      "tokenizer", "train a tokenizer on your own text, or try one");
  family->require_subcommand(1);
  family->fallthrough();
  const auto add = [&](const std::string& name, const std::string& help,
                       Act act) {
    CLI::App* verb = family->add_subcommand(name, help);
    verb->fallthrough();
    verb->callback([line, flags, act] {
      line->verb = [line, flags, act] {
        const auto result = act(*flags);
        if (!result.ok()) return static_cast<int>(Fail(result.status()));
        if (line->json()) {
          // Decoded text need not be UTF-8.
          Print(result->dump(2, ' ', false, Json::error_handler_t::replace) +
                "\n");
        } else {
          Print(TextOf(*result));
        }
        return static_cast<int>(kDone);
      };
    });
    return verb;
  };
  CLI::App* train =
      add("train", "byte-level BPE, written as a tokenizer.json", Train);
  train
      ->add_option("--vocabulary", flags->vocabulary,
                   "tokens, as model.gpt.vocabulary")
      ->required()
      ->check(CLI::Range(BpeTrainer::kFewest, int64_t{1} << 20));
  train->add_option("--to", flags->to, "the file to write")->required();
  train->add_option("FILES", flags->files, "UTF-8 text")->required();
  const std::string which =
      "a tokenizer.json, a sentencepiece .model, a directory with either or "
      "with vocab.json and merges.txt, or bytes";
  CLI::App* encode = add("encode", "print the tokens of a text", Encode);
  CLI::App* decode = add("decode", "print the text of tokens", Decode);
  CLI::App* info = add("info", "show the vocabulary's size", Info);
  for (CLI::App* verb : {encode, decode, info}) {
    verb->add_option("TOKENIZER", flags->tokenizer, which)->required();
  }
  encode->add_option("FILE", flags->file, "text (default: standard input)");
  decode->add_option("FILE", flags->file, "numbers (default: standard input)");
}

}  // namespace hawser
