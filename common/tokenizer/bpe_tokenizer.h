// Byte-level BPE: added tokens are found first, what lies between is cut into
// words, and each word becomes tokens (GPT-2, Llama 3, Qwen 2 and their kin).
//
// Words that were seen before are remembered, up to a limit.
#ifndef HAWSER_COMMON_TOKENIZER_BPE_TOKENIZER_H_
#define HAWSER_COMMON_TOKENIZER_BPE_TOKENIZER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tokenizer/tokenizer.h"
#include "common/tokenizer/word_splitter.h"

namespace hawser {

struct AddedToken {
  std::string content;
  int32_t token = 0;
};

struct BpeParts {
  // By token: the bytes that it stands for; none for a token that is only
  // added.
  std::vector<std::string> vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // in bytes
  std::vector<AddedToken> added;  // tokens 0..vocabulary.size()-1
  std::optional<int32_t> end_of_text;
  WordPattern pattern = WordPattern::kGpt2;
  // A blank is put before what does not start with one: the text, and what
  // follows an added token.
  bool adds_prefix_space = false;
  bool takes_whole_words = false;  // see bpe_model.h
};

// INVALID_ARGUMENT: the parts do not fit together.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeBpeTokenizer(BpeParts parts);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_BPE_TOKENIZER_H_
