// The tokenizer in a directory, as Hugging Face and `hawser export` write it.
#ifndef HAWSER_CLIENT_CLI_TOKENIZER_DIRECTORY_H_
#define HAWSER_CLIENT_CLI_TOKENIZER_DIRECTORY_H_

#include <filesystem>

#include "absl/status/statusor.h"
#include "proto/job.pb.h"

namespace hawser {

// By what files there are: tokenizer.json, else vocab.json with merges.txt,
// else tokenizer.model. The spec's paths begin with `directory`. NOT_FOUND:
// none.
absl::StatusOr<TokenizerSpec> TokenizerInDirectory(
    const std::filesystem::path& directory);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_TOKENIZER_DIRECTORY_H_
