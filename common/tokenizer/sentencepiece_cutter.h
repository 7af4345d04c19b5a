// Cuts a normalized text into the pieces of a sentencepiece model: those whose
// scores add up to the most (Kudo, 2018), or by merging neighbours, the best
// score first (BPE).
//
// Pure functions.
#ifndef HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_CUTTER_H_
#define HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_CUTTER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/prefix_tree.h"

namespace hawser {

struct SentencepieceVocabulary {
  PrefixTree tree;                                   // the normal pieces
  absl::flat_hash_map<std::string, int32_t> tokens;  // the same
  std::vector<float> scores;                         // by token
  float lowest = 0;                                  // score of a normal piece
  int32_t unknown = 0;
};

struct SentencepieceCut {
  size_t at;
  size_t bytes;
  int32_t token;  // vocabulary.unknown for a character that no piece has
};

// text: UTF-8. The time is n log n in its bytes.
std::vector<SentencepieceCut> CutByScore(
    const SentencepieceVocabulary& vocabulary, absl::string_view text);
std::vector<SentencepieceCut> CutByMerges(
    const SentencepieceVocabulary& vocabulary, absl::string_view text);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_SENTENCEPIECE_CUTTER_H_
