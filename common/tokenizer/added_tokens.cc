#include "common/tokenizer/added_tokens.h"

#include <algorithm>

namespace hawser {

void AddedTokens::Add(const std::string& content, int32_t token) {
  tree_.Add(content, token);
  starts_[static_cast<uint8_t>(content[0])] = true;
  longest_ = std::max(longest_, content.size());
}

AddedTokens::Match AddedTokens::Find(absl::string_view text, size_t from,
                                     size_t end) const {
  for (size_t at = from; at < end; ++at) {
    if (!starts_[static_cast<uint8_t>(text[at])]) continue;
    Match match = {text.size(), 0, 0};
    tree_.Match(text.substr(at), [&](size_t bytes, int32_t token) {
      match = {at, bytes, token};
    });
    if (match.bytes != 0) return match;
  }
  return {text.size(), 0, 0};
}

}  // namespace hawser
