#include "client/cli/tokenizer_directory.h"

#include <system_error>

#include "absl/strings/str_cat.h"

namespace hawser {

namespace fs = std::filesystem;

absl::StatusOr<TokenizerSpec> TokenizerInDirectory(const fs::path& directory) {
  TokenizerSpec spec;
  const auto has = [&](const char* name) {
    std::error_code ignored;
    return fs::exists(directory / name, ignored);
  };
  const auto path = [&](const char* name) {
    return (directory / name).string();
  };
  if (has("tokenizer.json")) {
    spec.set_tokenizer_json(path("tokenizer.json"));
  } else if (has("vocab.json") && has("merges.txt")) {
    spec.mutable_vocab_merges()->set_vocab(path("vocab.json"));
    spec.mutable_vocab_merges()->set_merges(path("merges.txt"));
  } else if (has("tokenizer.model")) {
    spec.set_sentencepiece(path("tokenizer.model"));
  } else {
    return absl::NotFoundError(absl::StrCat(
        directory.string(),
        " has no tokenizer: no tokenizer.json, no vocab.json with merges.txt "
        "and no tokenizer.model; name one with --tokenizer, which may be "
        "\"bytes\""));
  }
  return spec;
}

}  // namespace hawser
