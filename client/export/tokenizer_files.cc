#include "client/export/tokenizer_files.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/source_directory.h"
#include "common/status_macros.h"
#include "common/tokenizer/byte_alphabet.h"
#include "common/tokenizer/make_tokenizer.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

std::string ConfigText(const char* tokenizer_class, const GptSpec& gpt,
                       Json config = Json::object()) {
  config["tokenizer_class"] = tokenizer_class;
  config["model_max_length"] = gpt.context();
  config["clean_up_tokenization_spaces"] = false;
  return config.dump(2) + "\n";
}

absl::StatusOr<std::string> ReadBelow(const std::string& root,
                                      const std::string& path) {
  const std::filesystem::path whole = path;
  return SourceDirectory::Beneath(root, whole.parent_path().string())
      .Read(whole.filename().string(), kMaxTokenizerBytes);
}

absl::Status AddFile(const std::string& name, const std::string& root,
                     const std::string& path, TokenizerFiles* tokenizer) {
  ASSIGN_OR_RETURN(std::string content, ReadBelow(root, path));
  tokenizer->files.push_back({name, std::move(content)});
  return absl::OkStatus();
}

// The files as they are, and how transformers is to take them.
absl::Status AddFiles(const TokenizerSpec& spec, const GptSpec& gpt,
                      const std::string& root, TokenizerFiles* tokenizer) {
  std::string config;
  if (spec.has_vocab_merges()) {
    RETURN_IF_ERROR(
        AddFile("vocab.json", root, spec.vocab_merges().vocab(), tokenizer));
    RETURN_IF_ERROR(
        AddFile("merges.txt", root, spec.vocab_merges().merges(), tokenizer));
    Json settings = Json::object();
    if (!tokenizer->special.end.has_value()) {
      // Tokens that GPT2Tokenizer would add otherwise.
      for (const char* name : {"unk_token", "bos_token", "eos_token"}) {
        settings[name] = Json();
      }
    }
    config = ConfigText("GPT2Tokenizer", gpt, settings);
  } else if (spec.kind_case() == TokenizerSpec::kSentencepiece) {
    RETURN_IF_ERROR(
        AddFile("tokenizer.model", root, spec.sentencepiece(), tokenizer));
    config = ConfigText("LlamaTokenizer", gpt,
                        {{"add_bos_token", false}, {"add_eos_token", false}});
  } else {
    RETURN_IF_ERROR(
        AddFile("tokenizer.json", root, spec.tokenizer_json(), tokenizer));
    config = ConfigText("PreTrainedTokenizerFast", gpt);
  }
  tokenizer->files.push_back({"tokenizer_config.json", std::move(config)});
  return absl::OkStatus();
}

}  // namespace

std::string BytesTokenizerJson() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary[WriteBytes(std::string(1, static_cast<char>(byte)))] = byte;
  }
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", false},
                           {"use_regex", true}};
  const Json json = {{"version", "1.0"},
                     {"truncation", Json()},
                     {"padding", Json()},
                     {"added_tokens", Json::array()},
                     {"normalizer", Json()},
                     {"pre_tokenizer", byte_level},
                     {"post_processor", Json()},
                     {"decoder", byte_level},
                     {"model",
                      {{"type", "BPE"},
                       {"dropout", Json()},
                       {"unk_token", Json()},
                       {"continuing_subword_prefix", Json()},
                       {"end_of_word_suffix", Json()},
                       {"fuse_unk", false},
                       {"vocab", vocabulary},
                       {"merges", Json::array()}}}};
  return json.dump(1) + "\n";
}

absl::StatusOr<TokenizerFiles> TokenizerOf(const DataSpec& data,
                                           const GptSpec& gpt,
                                           const std::string& data_root) {
  const TokenizerSpec& spec =
      data.has_tokens() ? data.tokens().tokenizer() : data.text().tokenizer();
  const bool is_given = spec.kind_case() != TokenizerSpec::KIND_NOT_SET;
  const bool is_bytes = is_given ? spec.has_bytes() : data.has_text();
  TokenizerFiles files;
  if (!is_bytes && !is_given) {
    files.why_none = "the job does not say what made its tokens";
    return files;
  }
  if (!is_bytes && data_root.empty()) {
    files.why_none = "name the root that it is below with --data-root";
    return files;
  }
  ASSIGN_OR_RETURN(const auto tokenizer, MakeTokenizer(spec, data_root));
  if (tokenizer->vocabulary() > gpt.vocabulary()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the tokenizer does not match the model: it has ",
                     tokenizer->vocabulary(),
                     " tokens, model.gpt.vocabulary is ", gpt.vocabulary()));
  }
  if (const auto end = tokenizer->end_of_text()) {
    files.special.end = static_cast<uint32_t>(*end);
  }
  if (is_bytes) {
    files.files = {
        {"tokenizer.json", BytesTokenizerJson()},
        {"tokenizer_config.json", ConfigText("PreTrainedTokenizerFast", gpt)}};
  } else {
    RETURN_IF_ERROR(AddFiles(spec, gpt, data_root, &files));
  }
  return files;
}

}  // namespace hawser
