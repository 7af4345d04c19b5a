// sentencepiece models, unigram and BPE, with and without byte fallback (Kudo
// and Richardson, 2018). Debian's library brings a protobuf of its own, which
// cannot live beside another in one process; a model is little to compute.
//
// A long text is cut in pieces at single spaces (or line ends, where the model
// takes them for spaces) between letters or digits of ASCII, over which no
// piece of the vocabulary may reach. Bytes are counted as the tokens decode,
// that is, in the text as the model normalizes it.
#ifndef HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_TOKENIZER_H_
#define HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_TOKENIZER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/tokenizer.h"

namespace hawser {

// INVALID_ARGUMENT: not such a file, or a damaged one. UNIMPLEMENTED: models of
// words or characters, user-defined and unused pieces, whitespace as a suffix.
absl::StatusOr<std::unique_ptr<Tokenizer>> ReadSentencepieceModel(
    absl::string_view file);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_TOKENIZER_H_
