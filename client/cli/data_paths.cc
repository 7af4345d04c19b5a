#include "client/cli/data_paths.h"

#include <string>

#include "common/job/personalise.h"

namespace hawser {
namespace {

using Path = std::filesystem::path;

void MakeAbsolute(const Path& directory, std::string* path) {
  *path = (directory / *path).lexically_normal().string();
}

void MakeAbsolute(const Path& directory, TokenizerSpec* tokenizer) {
  switch (tokenizer->kind_case()) {
    case TokenizerSpec::kTokenizerJson:
      return MakeAbsolute(directory, tokenizer->mutable_tokenizer_json());
    case TokenizerSpec::kSentencepiece:
      return MakeAbsolute(directory, tokenizer->mutable_sentencepiece());
    case TokenizerSpec::kVocabMerges:
      MakeAbsolute(directory,
                   tokenizer->mutable_vocab_merges()->mutable_vocab());
      MakeAbsolute(directory,
                   tokenizer->mutable_vocab_merges()->mutable_merges());
      return;
    case TokenizerSpec::kBytes:
    case TokenizerSpec::KIND_NOT_SET:
      return;
  }
}

template <typename Paths>
void MakeAllAbsolute(const Path& directory, Paths* paths) {
  for (std::string& path : *paths) MakeAbsolute(directory, &path);
}

}  // namespace

void MakeDataPathsAbsolute(const Path& directory, JobSpec* job) {
  if (job->from().source_case() == FromSpec::kModel) {
    MakeAbsolute(directory, job->mutable_from()->mutable_model());
  }
  if (IsPersonalise(*job)) {
    MakeAbsolute(directory, job->mutable_personalise()->mutable_users());
  }
  DataSpec* data = job->mutable_data();
  switch (data->source_case()) {
    case DataSpec::kIdx:
      return MakeAbsolute(directory, data->mutable_idx()->mutable_directory());
    case DataSpec::kText: {
      TextSpec* text = data->mutable_text();
      MakeAllAbsolute(directory, text->mutable_files());
      MakeAllAbsolute(directory, text->mutable_validation_files());
      if (text->has_tokenizer()) {
        MakeAbsolute(directory, text->mutable_tokenizer());
      }
      return;
    }
    case DataSpec::kTokens: {
      TokensSpec* tokens = data->mutable_tokens();
      MakeAllAbsolute(directory, tokens->mutable_train());
      MakeAllAbsolute(directory, tokens->mutable_validation());
      if (tokens->has_tokenizer()) {
        MakeAbsolute(directory, tokens->mutable_tokenizer());
      }
      return;
    }
    case DataSpec::SOURCE_NOT_SET:
      return;
  }
}

}  // namespace hawser
