#include "client/export/tokenizer_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/source_directory.h"
#include "common/status_macros.h"
#include "common/strict_json.h"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxFileBytes = 256 << 20;
constexpr JsonLimits kLimits = {.depth = 16, .values = 32 << 20};

constexpr const char* kBeginTokens[] = {"<|begin_of_text|>", "<s>",
                                        "<|endoftext|>"};
constexpr const char* kEndTokens[] = {"<|end_of_text|>", "</s>",
                                      "<|endoftext|>"};

// The ids of tokens, by their text.
class Vocabulary {
 public:
  // {TOKEN: ID}, or [[TOKEN, SCORE]] in the order of the ids.
  void AddAll(const nlohmann::json& tokens) {
    if (tokens.is_array()) {
      for (const auto& token : tokens) {
        if (token.is_array() && !token.empty()) Add(token[0], size_);
        ++size_;
      }
    } else if (tokens.is_object()) {
      for (const auto& [token, id] : tokens.items()) Add(token, id);
    }
  }
  void Add(const nlohmann::json& token, const nlohmann::json& id) {
    if (!token.is_string() || !id.is_number_unsigned()) return;
    const auto number = id.get<uint64_t>();
    largest_ = std::max(largest_, number);
    ids_[token.get<std::string>()] = number;
  }

  absl::Status CheckFits(const std::string& path, const GptSpec& gpt) const {
    if (largest_ < gpt.vocabulary()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(path, " does not match the model: it has token ", largest_,
                     ", model.gpt.vocabulary is ", gpt.vocabulary()));
  }
  SpecialTokens Special() const {
    return {.begin = FirstOf(kBeginTokens), .end = FirstOf(kEndTokens)};
  }

 private:
  template <size_t N>
  std::optional<uint32_t> FirstOf(const char* const (&names)[N]) const {
    for (const char* name : names) {
      const auto found = ids_.find(name);
      if (found != ids_.end()) return static_cast<uint32_t>(found->second);
    }
    return std::nullopt;
  }

  uint64_t size_ = 0;
  uint64_t largest_ = 0;
  std::map<std::string, uint64_t> ids_;
};

// Below 0x800.
std::string Utf8(uint32_t code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | code >> 6),
          static_cast<char>(0x80 | (code & 0x3f))};
}

// GPT-2's printable stand-in for each byte.
std::array<std::string, 256> ByteNames() {
  std::array<std::string, 256> names;
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) ||
                           (byte >= 161 && byte <= 172) || byte >= 174;
    names[byte] = Utf8(printable ? byte : next++);
  }
  return names;
}

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
      .Read(whole.filename().string(), kMaxFileBytes);
}

absl::StatusOr<nlohmann::json> Parse(const std::string& path,
                                     const std::string& text) {
  auto json = ParseJsonObject(text, kLimits);
  if (json.ok()) return json;
  return absl::DataLossError(absl::StrCat(path, ": ", json.status().message()));
}

absl::StatusOr<TokenizerFiles> FromTokenizerJson(const std::string& path,
                                                 const GptSpec& gpt,
                                                 const std::string& root) {
  ASSIGN_OR_RETURN(std::string text, ReadBelow(root, path));
  ASSIGN_OR_RETURN(const nlohmann::json json, Parse(path, text));
  Vocabulary vocabulary;
  if (const auto model = json.find("model");
      model != json.end() && model->is_object() && model->contains("vocab")) {
    vocabulary.AddAll((*model)["vocab"]);
  }
  if (const auto added = json.find("added_tokens");
      added != json.end() && added->is_array()) {
    for (const auto& token : *added) {
      if (!token.is_object()) continue;
      vocabulary.Add(token.value("content", nlohmann::json()),
                     token.value("id", nlohmann::json()));
    }
  }
  RETURN_IF_ERROR(vocabulary.CheckFits(path, gpt));
  return TokenizerFiles{
      {{"tokenizer.json", std::move(text)},
       {"tokenizer_config.json", ConfigText("PreTrainedTokenizerFast", gpt)}},
      vocabulary.Special()};
}

absl::StatusOr<TokenizerFiles> FromVocabMerges(const VocabMergesSpec& spec,
                                               const GptSpec& gpt,
                                               const std::string& root) {
  ASSIGN_OR_RETURN(std::string text, ReadBelow(root, spec.vocab()));
  ASSIGN_OR_RETURN(std::string merges, ReadBelow(root, spec.merges()));
  ASSIGN_OR_RETURN(const nlohmann::json json, Parse(spec.vocab(), text));
  Vocabulary vocabulary;
  vocabulary.AddAll(json);
  RETURN_IF_ERROR(vocabulary.CheckFits(spec.vocab(), gpt));
  Json config = Json::object();
  if (!vocabulary.Special().end.has_value()) {
    // Tokens that GPT2Tokenizer would add otherwise.
    for (const char* name : {"unk_token", "bos_token", "eos_token"}) {
      config[name] = Json();
    }
  }
  return TokenizerFiles{
      {{"vocab.json", std::move(text)},
       {"merges.txt", std::move(merges)},
       {"tokenizer_config.json", ConfigText("GPT2Tokenizer", gpt, config)}},
      vocabulary.Special()};
}

absl::StatusOr<TokenizerFiles> FromSentencepiece(const std::string& path,
                                                 const GptSpec& gpt,
                                                 const std::string& root) {
  ASSIGN_OR_RETURN(std::string model, ReadBelow(root, path));
  const Json config = {{"add_bos_token", false}, {"add_eos_token", false}};
  return TokenizerFiles{
      {{"tokenizer.model", std::move(model)},
       {"tokenizer_config.json", ConfigText("LlamaTokenizer", gpt, config)}}};
}

absl::StatusOr<TokenizerFiles> FromBytes(const GptSpec& gpt) {
  if (gpt.vocabulary() < 256) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the tokenizer, bytes, does not match the model: model.gpt.vocabulary "
        "is ",
        gpt.vocabulary()));
  }
  return TokenizerFiles{
      {{"tokenizer.json", BytesTokenizerJson()},
       {"tokenizer_config.json", ConfigText("PreTrainedTokenizerFast", gpt)}}};
}

}  // namespace

std::string BytesTokenizerJson() {
  Json vocabulary = Json::object();
  const auto names = ByteNames();
  for (size_t byte = 0; byte < names.size(); ++byte) {
    vocabulary[names[byte]] = byte;
  }
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", false},
                           {"use_regex", false}};
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
  const TokenizerSpec& tokenizer =
      data.has_tokens() ? data.tokens().tokenizer() : data.text().tokenizer();
  const auto kind = tokenizer.kind_case();
  TokenizerFiles none;
  if (kind == TokenizerSpec::KIND_NOT_SET && !data.has_text()) {
    none.why_none = "the job does not say what made its tokens";
    return none;
  }
  if (kind == TokenizerSpec::KIND_NOT_SET || kind == TokenizerSpec::kBytes) {
    return FromBytes(gpt);
  }
  if (data_root.empty()) {
    none.why_none = "name the root that it is below with --data-root";
    return none;
  }
  switch (kind) {
    case TokenizerSpec::kTokenizerJson:
      return FromTokenizerJson(tokenizer.tokenizer_json(), gpt, data_root);
    case TokenizerSpec::kVocabMerges:
      return FromVocabMerges(tokenizer.vocab_merges(), gpt, data_root);
    default:
      return FromSentencepiece(tokenizer.sentencepiece(), gpt, data_root);
  }
}

}  // namespace hawser
