#include "common/tokenizer/make_tokenizer.h"

#include <utility>

#include "common/files.h"
#include "common/rooted_path.h"
#include "common/status_macros.h"
#include "common/tokenizer/byte_tokenizer.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(
    const TokenizerSpec& spec, const ReadTokenizerFile& read) {
  switch (spec.kind_case()) {
    case TokenizerSpec::kTokenizerJson:
    case TokenizerSpec::kVocabMerges:
    case TokenizerSpec::kSentencepiece:
      (void)read;
      return absl::UnimplementedError("only bytes for now");
    case TokenizerSpec::kBytes:
    case TokenizerSpec::KIND_NOT_SET:
      break;
  }
  return MakeByteTokenizer();
}

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(
    const TokenizerSpec& spec, const std::string& root) {
  return MakeTokenizer(
      spec, [&](const std::string& path) -> absl::StatusOr<std::string> {
        ASSIGN_OR_RETURN(FileDescriptor file, OpenFileBeneath(root, path));
        return ReadWholeFile(file, path, kMaxTokenizerBytes);
      });
}

}  // namespace hawser
