#include "common/job/rules/data_rules.h"

#include "common/job/rules/checks.h"
#include "common/status_macros.h"

namespace hawser {

namespace {

constexpr double kDefaultValidationShare = 0.1;

using Paths = google::protobuf::RepeatedPtrField<std::string>;

absl::Status CheckIdx(const IdxSpec& idx) {
  RETURN_IF_ERROR(CheckPath("data.idx.directory", idx.directory()));
  RETURN_IF_ERROR(CheckPath("data.idx.train_images", idx.train_images()));
  RETURN_IF_ERROR(CheckPath("data.idx.train_labels", idx.train_labels()));
  RETURN_IF_ERROR(
      CheckPath("data.idx.validation_images", idx.validation_images()));
  return CheckPath("data.idx.validation_labels", idx.validation_labels());
}

absl::Status CheckFile(absl::string_view field, const std::string& path) {
  if (path.empty()) return Broken(field, " is empty; name a file");
  return CheckPath(field, path);
}

absl::Status CheckPaths(absl::string_view field, const Paths& paths) {
  for (const std::string& path : paths) {
    RETURN_IF_ERROR(CheckFile(field, path));
  }
  return absl::OkStatus();
}

// The share's default, unless there are files to validate on.
absl::StatusOr<double> CompleteShare(absl::string_view source, double share,
                                     const Paths& validation) {
  const std::string field = absl::StrCat("data.", source, ".validation_share");
  RETURN_IF_ERROR(CheckRange(field, share, 0, 1));
  if (validation.empty()) return share == 0 ? kDefaultValidationShare : share;
  if (share == 0) return share;
  return Broken(field, " is ", share,
                ", and there are files to validate on; use one of the two");
}

absl::Status CheckTokenizer(absl::string_view source,
                            const TokenizerSpec& tokenizer) {
  const std::string field = absl::StrCat("data.", source, ".tokenizer.");
  switch (tokenizer.kind_case()) {
    case TokenizerSpec::kTokenizerJson:
      return CheckFile(field + "tokenizer_json", tokenizer.tokenizer_json());
    case TokenizerSpec::kVocabMerges:
      RETURN_IF_ERROR(CheckFile(field + "vocab_merges.vocab",
                                tokenizer.vocab_merges().vocab()));
      return CheckFile(field + "vocab_merges.merges",
                       tokenizer.vocab_merges().merges());
    case TokenizerSpec::kSentencepiece:
      return CheckFile(field + "sentencepiece", tokenizer.sentencepiece());
    case TokenizerSpec::kBytes:
    case TokenizerSpec::KIND_NOT_SET:
      break;
  }
  return absl::OkStatus();
}

absl::Status CompleteText(TextSpec* text) {
  if (text->files().empty()) {
    return Broken("data.text.files is empty; name at least one file");
  }
  RETURN_IF_ERROR(CheckPaths("data.text.files", text->files()));
  RETURN_IF_ERROR(
      CheckPaths("data.text.validation_files", text->validation_files()));
  ASSIGN_OR_RETURN(const double share,
                   CompleteShare("text", text->validation_share(),
                                 text->validation_files()));
  text->set_validation_share(share);
  RETURN_IF_ERROR(CheckTokenizer("text", text->tokenizer()));
  if (text->tokenizer().kind_case() == TokenizerSpec::KIND_NOT_SET) {
    text->mutable_tokenizer()->mutable_bytes();
  }
  return absl::OkStatus();
}

absl::Status CompleteTokens(TokensSpec* tokens) {
  if (tokens->train().empty()) {
    return Broken("data.tokens.train is empty; name at least one file");
  }
  RETURN_IF_ERROR(CheckPaths("data.tokens.train", tokens->train()));
  RETURN_IF_ERROR(CheckPaths("data.tokens.validation", tokens->validation()));
  ASSIGN_OR_RETURN(const double share,
                   CompleteShare("tokens", tokens->validation_share(),
                                 tokens->validation()));
  tokens->set_validation_share(share);
  if (!tokens->has_tokenizer()) return absl::OkStatus();
  if (tokens->tokenizer().kind_case() == TokenizerSpec::KIND_NOT_SET) {
    return Broken("data.tokens.tokenizer is empty; name one or leave it out");
  }
  return CheckTokenizer("tokens", tokens->tokenizer());
}

absl::Status CompleteSource(DataSpec* data) {
  switch (data->source_case()) {
    case DataSpec::kIdx:
      return CheckIdx(data->idx());
    case DataSpec::kText:
      return CompleteText(data->mutable_text());
    case DataSpec::kTokens:
      return CompleteTokens(data->mutable_tokens());
    case DataSpec::SOURCE_NOT_SET:
      break;
  }
  return Broken(
      "data is not set; use data { text { } }, data { tokens { } } or data { "
      "idx { } }");
}

absl::Status CompleteAugmentation(AugmentationSpec* augmentation) {
  RETURN_IF_ERROR(CheckRange("data.augmentation.shift_pixels",
                             augmentation->shift_pixels(), 0, 1000));
  RETURN_IF_ERROR(CheckUpTo("data.augmentation.rotation_degrees",
                            augmentation->rotation_degrees(), 180));
  RETURN_IF_ERROR(
      CheckRange("data.augmentation.scale", augmentation->scale(), 0, 1));
  RETURN_IF_ERROR(CheckRange("data.augmentation.elastic_strength_pixels",
                             augmentation->elastic_strength_pixels(), 0, 1000));
  RETURN_IF_ERROR(CheckRange("data.augmentation.elastic_sigma_pixels",
                             augmentation->elastic_sigma_pixels(), 0, 100));
  if (augmentation->elastic_strength_pixels() > 0 &&
      augmentation->elastic_sigma_pixels() == 0) {
    augmentation->set_elastic_sigma_pixels(4);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CompleteData(DataSpec* data) {
  RETURN_IF_ERROR(CompleteSource(data));
  RETURN_IF_ERROR(CheckEnum("data.partition",
                            Partition_IsValid(data->partition()),
                            data->partition()));
  if (data->partition() == PARTITION_UNSPECIFIED) data->set_partition(RANDOM);
  if (!data->has_augmentation()) return absl::OkStatus();
  if (!data->has_idx()) {
    return Broken("data.augmentation is for images, data { idx { } }");
  }
  return CompleteAugmentation(data->mutable_augmentation());
}

absl::Status CheckDataSuits(const DataSpec& data, const ModelSpec& model) {
  if (model.has_gpt() == !data.has_idx()) return absl::OkStatus();
  return model.has_gpt()
             ? Broken(
                   "model.gpt reads tokens, data.idx has images; use data { "
                   "text { } } or data { tokens { } }")
             : Broken("model.mlp reads features, data.",
                      data.has_text() ? "text" : "tokens",
                      " has tokens; use data { idx { } } or model { gpt { } }");
}

}  // namespace hawser
