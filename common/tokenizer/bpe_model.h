// Byte-pair encoding of one word (Sennrich et al., 2016): starts from bytes and
// joins, again and again, the leftmost of the neighbours whose merge has the
// lowest rank.
//
// Thread-safe: immutable.
#ifndef HAWSER_COMMON_TOKENIZER_BPE_MODEL_H_
#define HAWSER_COMMON_TOKENIZER_BPE_MODEL_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hawser {

class BpeModel {
 public:
  // The bytes of each token (none: no word has it), and the pairs of tokens
  // that are merged, lowest rank first. `takes_whole_words`: a word that is a
  // token is not cut (ignore_merges of Hugging Face). INVALID_ARGUMENT: two
  // tokens have the same bytes, a merge stands twice or makes no token.
  static absl::StatusOr<BpeModel> Make(
      absl::Span<const std::string> tokens,
      const std::vector<std::pair<std::string, std::string>>& merges,
      bool takes_whole_words);

  // Appends the tokens of a word. The time is n log n in its bytes.
  // INVALID_ARGUMENT: the vocabulary lacks a byte of it.
  absl::Status EncodeWord(absl::string_view word,
                          std::vector<int32_t>* tokens) const;

 private:
  struct Merge {
    uint32_t rank;
    int32_t token;
  };
  BpeModel() = default;
  const Merge* Find(int32_t left, int32_t right) const;
  absl::StatusOr<int32_t> TokenOf(absl::string_view bytes) const;
  void MergeShort(std::vector<int32_t>* symbols, size_t first) const;
  void MergeLong(std::vector<int32_t>* symbols, size_t first) const;

  absl::flat_hash_map<std::string, int32_t> token_of_;
  absl::flat_hash_map<uint64_t, Merge> merges_;
  std::array<int32_t, 256> byte_token_;  // -1: none
  bool takes_whole_words_ = false;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_BPE_MODEL_H_
