#include "common/tokenizer/tokenizer_json.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "common/tokenizer/bpe_tokenizer.h"
#include "common/tokenizer/byte_alphabet.h"
#include "common/tokenizer/json_text.h"

namespace hawser {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxVocabulary = 1 << 20;
// Tokens that stand between documents, in the order in which they are looked
// for.
constexpr const char* kEndsOfText[] = {"<|endoftext|>", "<|end_of_text|>",
                                       "</s>", "<|im_end|>"};

template <typename... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}
template <typename... Parts>
absl::Status Unsupported(const Parts&... parts) {
  return absl::UnimplementedError(
      absl::StrCat(parts..., " is not supported; only byte-level BPE is"));
}

// A member, or null.
const Json& Get(const Json& json, const char* name) {
  static const Json& null = *new Json();
  if (!json.is_object()) return null;
  const auto found = json.find(name);
  return found == json.end() ? null : *found;
}

bool IsTrue(const Json& json, const char* name) {
  return Get(json, name) == true;
}

std::string TypeOf(const Json& json) {
  const Json& type = Get(json, "type");
  return type.is_string() ? type.get<std::string>() : "";
}

// Puts a text at its token's place; places must not be taken.
absl::Status Place(const Json& id, const std::string& text,
                   std::vector<std::optional<std::string>>* places) {
  if (!id.is_number_unsigned() || id.get<uint64_t>() >= kMaxVocabulary) {
    return Bad("the token \"", text, "\" has the number ", id.dump(),
               "; it must be 0 to ", kMaxVocabulary - 1);
  }
  const size_t at = id.get<size_t>();
  if (at >= places->size()) places->resize(at + 1);
  std::optional<std::string>& place = (*places)[at];
  if (place.has_value()) {
    return Bad("the tokens \"", *place, "\" and \"", text,
               "\" have the same number, ", at);
  }
  place = text;
  return absl::OkStatus();
}

// By token, as written in the file.
absl::StatusOr<std::vector<std::optional<std::string>>> ReadVocabulary(
    const Json& vocab) {
  if (!vocab.is_object() || vocab.empty()) return Bad("it has no vocabulary");
  std::vector<std::optional<std::string>> places;
  for (const auto& [text, id] : vocab.items()) {
    RETURN_IF_ERROR(Place(id, text, &places));
  }
  return places;
}

// What tokens stand for, and the added ones among them. Every number must be
// taken.
absl::Status FillVocabulary(
    const std::vector<std::optional<std::string>>& places,
    const std::vector<AddedToken>& added, BpeParts* parts) {
  std::vector<bool> is_added(places.size());
  for (const AddedToken& token : added) {
    is_added[static_cast<size_t>(token.token)] = true;
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (!places[i].has_value()) {
      return Bad("no token has the number ", i, ", but one has ",
                 places.size() - 1);
    }
    std::optional<std::string> bytes = ReadBytes(*places[i]);
    if (!bytes.has_value() && !is_added[i]) {
      return Bad("the token \"", *places[i],
                 "\" has a character that stands for no byte");
    }
    parts->vocabulary.push_back(bytes.value_or(""));
  }
  parts->added = added;
  for (const char* name : kEndsOfText) {
    for (const AddedToken& token : added) {
      if (token.content == name && !parts->end_of_text.has_value()) {
        parts->end_of_text = token.token;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status AddMerge(absl::string_view left, absl::string_view right,
                      BpeParts* parts) {
  const auto left_bytes = ReadBytes(left);
  const auto right_bytes = ReadBytes(right);
  if (!left_bytes.has_value() || !right_bytes.has_value()) {
    return Bad("the merge of \"", left, "\" and \"", right,
               "\" has a character that stands for no byte");
  }
  parts->merges.emplace_back(*left_bytes, *right_bytes);
  return absl::OkStatus();
}

absl::Status AddMergeLine(absl::string_view line, BpeParts* parts) {
  const std::vector<absl::string_view> two = absl::StrSplit(line, ' ');
  if (two.size() != 2) return Bad("\"", line, "\" is not a merge of two");
  return AddMerge(two[0], two[1], parts);
}

absl::Status ReadMerges(const Json& merges, BpeParts* parts) {
  if (!merges.is_array()) return Bad("it has no merges");
  for (const Json& merge : merges) {
    if (merge.is_string()) {
      RETURN_IF_ERROR(AddMergeLine(merge.get_ref<const std::string&>(), parts));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      RETURN_IF_ERROR(AddMerge(merge[0].get_ref<const std::string&>(),
                               merge[1].get_ref<const std::string&>(), parts));
    } else {
      return Bad(merge.dump().substr(0, 100), " is not a merge of two");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckModel(const Json& model) {
  // Old files have no type.
  if (!TypeOf(model).empty() && TypeOf(model) != "BPE") {
    return Unsupported("model ", TypeOf(model));
  }
  const Json& dropout = Get(model, "dropout");
  if (!dropout.is_null() && dropout != 0) {
    return Unsupported("model.dropout ", dropout.dump());
  }
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json& value = Get(model, name);
    if (!value.is_null() && value != "") {
      return Unsupported("model.", name, " ", value.dump());
    }
  }
  if (IsTrue(model, "byte_fallback")) return Unsupported("model.byte_fallback");
  return absl::OkStatus();
}

absl::Status ReadByteLevel(const Json& step, bool wants_expression,
                           BpeParts* parts) {
  if (TypeOf(step) != "ByteLevel") {
    return Unsupported("pre_tokenizer ", TypeOf(step));
  }
  // Absent means true, in either case, to those who wrote old files.
  if (Get(step, "use_regex") != false && !wants_expression) {
    return Unsupported("a Split before a ByteLevel with use_regex");
  }
  if (Get(step, "use_regex") == false && wants_expression) {
    return Unsupported("pre_tokenizer ByteLevel without use_regex");
  }
  parts->adds_prefix_space = Get(step, "add_prefix_space") != false;
  if (parts->adds_prefix_space && !wants_expression) {
    return Unsupported("a Split before a ByteLevel with add_prefix_space");
  }
  return absl::OkStatus();
}

absl::Status ReadSplit(const Json& step, BpeParts* parts) {
  const Json& expression = Get(Get(step, "pattern"), "Regex");
  const auto pattern = expression.is_string()
                           ? PatternOf(expression.get_ref<const std::string&>())
                           : std::nullopt;
  if (TypeOf(step) != "Split" || !pattern.has_value() ||
      Get(step, "behavior") != "Isolated" || IsTrue(step, "invert")) {
    return Unsupported("pre_tokenizer ", step.dump().substr(0, 300));
  }
  parts->pattern = *pattern;
  return absl::OkStatus();
}

absl::Status ReadPreTokenizer(const Json& pre_tokenizer, BpeParts* parts) {
  if (TypeOf(pre_tokenizer) != "Sequence") {
    return ReadByteLevel(pre_tokenizer, /*wants_expression=*/true, parts);
  }
  const Json& steps = Get(pre_tokenizer, "pretokenizers");
  if (steps.is_array() && steps.size() == 1) {
    return ReadByteLevel(steps[0], /*wants_expression=*/true, parts);
  }
  if (!steps.is_array() || steps.size() != 2) {
    return Unsupported("pre_tokenizer ", pre_tokenizer.dump().substr(0, 300));
  }
  RETURN_IF_ERROR(ReadSplit(steps[0], parts));
  return ReadByteLevel(steps[1], /*wants_expression=*/false, parts);
}

absl::StatusOr<std::vector<AddedToken>> ReadAddedTokens(
    const Json& added, std::vector<std::optional<std::string>>* places) {
  std::vector<AddedToken> tokens;
  if (!added.is_array() && !added.is_null()) {
    return Bad("added_tokens is not a list");
  }
  for (const Json& entry : added) {
    const Json& content = Get(entry, "content");
    if (!content.is_string() || content == "") {
      return Bad("an added token without content");
    }
    const std::string text = content.get<std::string>();
    for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
      if (IsTrue(entry, flag)) {
        return Unsupported("the added token \"", text, "\" with ", flag);
      }
    }
    // Those that are normalized are looked for after the others.
    if (IsTrue(entry, "normalized") != IsTrue(added[0], "normalized")) {
      return Unsupported("added tokens of which only some are normalized");
    }
    const Json& id = Get(entry, "id");
    const bool known = id.is_number_unsigned() &&
                       id.get<uint64_t>() < places->size() &&
                       (*places)[id.get<size_t>()] == text;
    if (!known) RETURN_IF_ERROR(Place(id, text, places));
    tokens.push_back({text, id.get<int32_t>()});
  }
  return tokens;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> ReadTokenizerJson(
    absl::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseJsonText(text));
  const Json& model = Get(json, "model");
  if (!model.is_object())
    return Bad("it has no model; is it a tokenizer.json?");
  RETURN_IF_ERROR(CheckModel(model));
  const Json& normalizer = Get(json, "normalizer");
  if (!normalizer.is_null()) {
    return Unsupported("normalizer ", normalizer.dump().substr(0, 300));
  }
  BpeParts parts;
  RETURN_IF_ERROR(ReadPreTokenizer(Get(json, "pre_tokenizer"), &parts));
  ASSIGN_OR_RETURN(auto places, ReadVocabulary(Get(model, "vocab")));
  ASSIGN_OR_RETURN(const std::vector<AddedToken> added,
                   ReadAddedTokens(Get(json, "added_tokens"), &places));
  RETURN_IF_ERROR(FillVocabulary(places, added, &parts));
  RETURN_IF_ERROR(ReadMerges(Get(model, "merges"), &parts));
  parts.takes_whole_words = IsTrue(model, "ignore_merges");
  return MakeBpeTokenizer(std::move(parts));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> ReadVocabAndMerges(
    absl::string_view vocab_json, absl::string_view merges_text) {
  ASSIGN_OR_RETURN(const Json vocab, ParseJsonText(vocab_json));
  ASSIGN_OR_RETURN(const auto places, ReadVocabulary(vocab));
  std::vector<AddedToken> added;
  const Json& end = Get(vocab, kEndsOfText[0]);
  if (!end.is_null()) added.push_back({kEndsOfText[0], end.get<int32_t>()});
  BpeParts parts;
  RETURN_IF_ERROR(FillVocabulary(places, added, &parts));
  for (absl::string_view line : absl::StrSplit(merges_text, '\n')) {
    absl::ConsumeSuffix(&line, "\r");
    if (line.empty() || absl::StartsWith(line, "#version")) continue;
    RETURN_IF_ERROR(AddMergeLine(line, &parts));
  }
  return MakeBpeTokenizer(std::move(parts));
}

}  // namespace hawser
