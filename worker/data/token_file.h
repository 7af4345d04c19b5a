// Files of ready tokens, told apart by their first bytes (docs/text_data.md):
//
//   llm.c    256 int32 of header: magic, version, number of tokens, zeros; then
//            the tokens. Magic 20240520, version 1: uint16. Magic 20240801,
//            version 7: uint32. (dev/data/data_common.py and llmc/dataloader.h
//            of github.com/karpathy/llm.c)
//   nanoGPT  uint16 without a header. (data/*/prepare.py of
//            github.com/karpathy/nanoGPT)
#ifndef HAWSER_WORKER_DATA_TOKEN_FILE_H_
#define HAWSER_WORKER_DATA_TOKEN_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hawser {

struct TokenFileLayout {
  size_t offset;  // of the first token, in bytes
  size_t width;   // bytes a token
};

// INVALID_ARGUMENT: the header and the size do not agree, or the file is empty;
// the message names `path` and tells what was found.
absl::StatusOr<TokenFileLayout> ReadTokenFileLayout(const std::string& path,
                                                    absl::string_view bytes);

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_TOKEN_FILE_H_
