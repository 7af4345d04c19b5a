// Strings by their prefixes: which of them a text starts with.
//
// Thread-compatible: const methods may run concurrently.
#ifndef HAWSER_COMMON_TOKENIZER_PREFIX_TREE_H_
#define HAWSER_COMMON_TOKENIZER_PREFIX_TREE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace hawser {

class PrefixTree {
 public:
  // string: not empty. A string that is added again gets the new value.
  void Add(absl::string_view string, int32_t value) {
    uint32_t node = 0;
    for (const char byte : string) {
      const auto [edge, is_new] = edges_.emplace(
          Edge(node, byte), static_cast<uint32_t>(values_.size()));
      node = edge->second;
      if (is_new) values_.push_back(kNone);
    }
    values_[node] = value;
  }

  // Calls visit(bytes, value) for each string that the text starts with,
  // shortest first.
  template <typename Visit>
  void Match(absl::string_view text, Visit visit) const {
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto edge = edges_.find(Edge(node, text[i]));
      if (edge == edges_.end()) return;
      node = edge->second;
      if (values_[node] != kNone) visit(i + 1, values_[node]);
    }
  }

 private:
  static constexpr int32_t kNone = -1;
  static uint64_t Edge(uint32_t node, char byte) {
    return uint64_t{node} << 8 | static_cast<uint8_t>(byte);
  }

  absl::flat_hash_map<uint64_t, uint32_t> edges_;
  std::vector<int32_t> values_ = {kNone};  // by node
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_PREFIX_TREE_H_
