// How sentencepiece changes a text before it cuts it: characters by a table of
// the model (NFKC, for one), spaces to U+2581.
//
// The table: uint32 bytes of the index, the index, then the replacements, each
// ended by a zero. The index is a double-array trie of Darts-clone
// (github.com/s-yata/darts-clone); a value is a replacement's offset.
#ifndef HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_NORMALIZER_H_
#define HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_NORMALIZER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/sentencepiece_model.pb.h"

namespace hawser {

inline constexpr char kSentencepieceSpace[] = "\xE2\x96\x81";  // U+2581

class SentencepieceNormalizer {
 public:
  // INVALID_ARGUMENT: the table is damaged.
  static absl::StatusOr<SentencepieceNormalizer> Make(
      const sentencepiece::NormalizerSpec& spec);

  std::string Normalize(absl::string_view text) const;

 private:
  SentencepieceNormalizer() = default;
  // What the start of the text becomes, and how many of its bytes that takes.
  std::pair<absl::string_view, size_t> Next(absl::string_view text) const;

  bool adds_prefix_ = true;
  bool removes_extra_spaces_ = true;
  std::vector<uint32_t> index_;
  std::string replacements_;  // ends with a zero
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_NORMALIZER_H_
