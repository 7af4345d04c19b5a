#include "common/tokenizer/make_tokenizer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/rooted_path.h"
#include "common/status_macros.h"
#include "common/tokenizer/byte_tokenizer.h"
#include "common/tokenizer/sentencepiece_tokenizer.h"
#include "common/tokenizer/tokenizer_json.h"

namespace hawser {
namespace {

using MaybeTokenizer = absl::StatusOr<std::unique_ptr<Tokenizer>>;

// Errors name the file.
MaybeTokenizer Named(const std::string& path, MaybeTokenizer tokenizer) {
  if (tokenizer.ok()) return tokenizer;
  return absl::Status(tokenizer.status().code(),
                      absl::StrCat(path, ": ", tokenizer.status().message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(
    const TokenizerSpec& spec, const ReadTokenizerFile& read) {
  switch (spec.kind_case()) {
    case TokenizerSpec::kTokenizerJson: {
      const std::string& path = spec.tokenizer_json();
      ASSIGN_OR_RETURN(const std::string text, read(path));
      return Named(path, ReadTokenizerJson(text));
    }
    case TokenizerSpec::kVocabMerges: {
      const VocabMergesSpec& paths = spec.vocab_merges();
      ASSIGN_OR_RETURN(const std::string vocab, read(paths.vocab()));
      ASSIGN_OR_RETURN(const std::string merges, read(paths.merges()));
      return Named(absl::StrCat(paths.vocab(), " and ", paths.merges()),
                   ReadVocabAndMerges(vocab, merges));
    }
    case TokenizerSpec::kSentencepiece: {
      const std::string& path = spec.sentencepiece();
      ASSIGN_OR_RETURN(const std::string model, read(path));
      return Named(path, ReadSentencepieceModel(model));
    }
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
