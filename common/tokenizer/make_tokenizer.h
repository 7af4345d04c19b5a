// The tokenizer that a spec asks for.
#ifndef HAWSER_COMMON_TOKENIZER_MAKE_TOKENIZER_H_
#define HAWSER_COMMON_TOKENIZER_MAKE_TOKENIZER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/tokenizer/tokenizer.h"
#include "proto/job.pb.h"

namespace hawser {

// Reads a whole file of a tokenizer.
using ReadTokenizerFile =
    std::function<absl::StatusOr<std::string>(const std::string& path)>;

// The most bytes of such a file.
inline constexpr size_t kMaxTokenizerBytes = size_t{128} << 20;

// Nothing set means bytes. INVALID_ARGUMENT: a file is damaged. UNIMPLEMENTED:
// it asks for something that is not supported; the message names it. Errors of
// `read` are passed on.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(
    const TokenizerSpec& spec, const ReadTokenizerFile& read);

// Files are below `root` (common/rooted_path.h).
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(
    const TokenizerSpec& spec, const std::string& root);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_MAKE_TOKENIZER_H_
