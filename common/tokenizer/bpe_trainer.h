// Trains byte-level BPE on one's own text (Sennrich et al., 2016): words are
// cut as GPT-2 does; the most frequent pair of neighbours becomes a token,
// again and again. The result depends on the texts alone, and is that of
// BpeTrainer of the `tokenizers` package: equal counts go to the pair of lower
// tokens.
//
// Token 0 is <|endoftext|>, then there are the 256 bytes, then the merges.
//
//   BpeTrainer trainer;
//   trainer.Add(text);
//   WriteWholeFile("tokenizer.json", trainer.Train(32000));
//
// Thread-compatible.
#ifndef HAWSER_COMMON_TOKENIZER_BPE_TRAINER_H_
#define HAWSER_COMMON_TOKENIZER_BPE_TRAINER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"

namespace hawser {

class BpeTrainer {
 public:
  // Before any merge: <|endoftext|> and the bytes.
  static constexpr int64_t kFewest = 257;
  // A pair that occurs less often does not become a token.
  static constexpr int64_t kLeastCount = 2;

  // Counts the words of a text, or of its next part: whole characters, UTF-8.
  // Unless it is the last part, the bytes returned are fewer than there are;
  // the rest must be given again with more after it.
  size_t AddSome(absl::string_view text, bool last);
  void Add(absl::string_view text) { AddSome(text, /*last=*/true); }

  // A tokenizer.json of `vocabulary` tokens (at least kFewest), or of fewer if
  // the text does not have more to merge.
  std::string Train(int64_t vocabulary) const;

 private:
  absl::btree_map<std::string, int64_t> words_;  // how often each was seen
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_BPE_TRAINER_H_
