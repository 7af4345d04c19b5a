// Tokens that are found in the text before it is cut into words, such as
// <|endoftext|>: the leftmost, and of those the longest.
//
// Thread-compatible: Find may run concurrently.
#ifndef HAWSER_COMMON_TOKENIZER_ADDED_TOKENS_H_
#define HAWSER_COMMON_TOKENIZER_ADDED_TOKENS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/tokenizer/prefix_tree.h"

namespace hawser {

class AddedTokens {
 public:
  struct Match {
    size_t at;     // in the text; the text's size: there is none
    size_t bytes;  // of the token
    int32_t token;
  };

  // content: not empty, not added before.
  void Add(const std::string& content, int32_t token);

  // Bytes of the longest; 0: there are none.
  size_t longest() const { return longest_; }

  // The first match that starts in [from, end); end <= text.size().
  Match Find(absl::string_view text, size_t from, size_t end) const;

 private:
  PrefixTree tree_;
  std::array<bool, 256> starts_{};  // some token starts with this byte
  size_t longest_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_ADDED_TOKENS_H_
