#include "common/tokenizer/added_tokens.h"

#include <algorithm>

namespace hawser {
namespace {

uint64_t Edge(uint32_t node, char byte) {
  return uint64_t{node} << 8 | static_cast<uint8_t>(byte);
}

}  // namespace

void AddedTokens::Add(const std::string& content, int32_t token) {
  uint32_t node = 0;
  for (const char byte : content) {
    const auto [edge, is_new] =
        edges_.emplace(Edge(node, byte), static_cast<uint32_t>(nodes_.size()));
    if (is_new) nodes_.emplace_back();
    node = edge->second;
  }
  nodes_[node].token = token;
  starts_[static_cast<uint8_t>(content[0])] = true;
  longest_ = std::max(longest_, content.size());
}

AddedTokens::Match AddedTokens::Find(absl::string_view text, size_t from,
                                     size_t end) const {
  for (size_t at = from; at < end; ++at) {
    if (!starts_[static_cast<uint8_t>(text[at])]) continue;
    Match match = {text.size(), 0, 0};
    uint32_t node = 0;
    for (size_t i = at; i < text.size(); ++i) {
      const auto edge = edges_.find(Edge(node, text[i]));
      if (edge == edges_.end()) break;
      node = edge->second;
      if (nodes_[node].token >= 0) match = {at, i + 1 - at, nodes_[node].token};
    }
    if (match.bytes != 0) return match;
  }
  return {text.size(), 0, 0};
}

}  // namespace hawser
