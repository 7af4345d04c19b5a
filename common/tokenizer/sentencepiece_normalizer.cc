#include "common/tokenizer/sentencepiece_normalizer.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/tokenizer/utf8.h"

namespace hawser {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

// A unit of the trie.
bool HasLeaf(uint32_t unit) { return (unit >> 8 & 1) == 1; }
uint32_t Value(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t Label(uint32_t unit) { return unit & 0x800000FF; }
uint32_t Offset(uint32_t unit) {
  return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

}  // namespace

absl::StatusOr<SentencepieceNormalizer> SentencepieceNormalizer::Make(
    const sentencepiece::NormalizerSpec& spec) {
  SentencepieceNormalizer normalizer;
  normalizer.adds_prefix_ = spec.add_dummy_prefix();
  normalizer.removes_extra_spaces_ = spec.remove_extra_whitespaces();
  const std::string& table = spec.precompiled_charsmap();
  if (table.empty()) return normalizer;
  uint32_t index_bytes = 0;
  if (table.size() > sizeof(index_bytes)) {
    std::memcpy(&index_bytes, table.data(), sizeof(index_bytes));
  }
  if (index_bytes == 0 || index_bytes % sizeof(uint32_t) != 0 ||
      index_bytes > table.size() - sizeof(index_bytes)) {
    return absl::InvalidArgumentError("the table of its normalizer is damaged");
  }
  normalizer.index_.resize(index_bytes / sizeof(uint32_t));
  std::memcpy(normalizer.index_.data(), table.data() + sizeof(index_bytes),
              index_bytes);
  normalizer.replacements_ = table.substr(sizeof(index_bytes) + index_bytes);
  normalizer.replacements_.push_back('\0');
  return normalizer;
}

std::pair<absl::string_view, size_t> SentencepieceNormalizer::Next(
    absl::string_view text) const {
  size_t longest = 0;
  uint32_t found = 0;
  // The table is not trusted: every step stays inside the index.
  uint32_t node = index_.empty() ? 0 : Offset(index_[0]);
  for (size_t i = 0; i < text.size() && !index_.empty(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    node ^= byte;
    if (node >= index_.size() || Label(index_[node]) != byte) break;
    const uint32_t unit = index_[node];
    node ^= Offset(unit);
    if (node >= index_.size()) break;
    if (HasLeaf(unit) && Value(index_[node]) < replacements_.size()) {
      longest = i + 1;
      found = Value(index_[node]);
    }
  }
  if (longest != 0) return {replacements_.data() + found, longest};
  char32_t character;
  const size_t bytes = DecodeUtf8(text, &character);
  if (bytes == 0) return {kReplacement, 1};
  return {text.substr(0, bytes), bytes};
}

std::string SentencepieceNormalizer::Normalize(absl::string_view text) const {
  if (removes_extra_spaces_) {
    while (!text.empty()) {
      const auto [next, bytes] = Next(text);
      if (next != " ") break;
      text.remove_prefix(bytes);
    }
  }
  std::string normal;
  if (text.empty()) return normal;
  normal.reserve(text.size() * 3 / 2);
  if (adds_prefix_) normal += kSentencepieceSpace;
  bool after_space = removes_extra_spaces_;
  while (!text.empty()) {
    auto [next, bytes] = Next(text);
    text.remove_prefix(bytes);
    while (after_space && absl::ConsumePrefix(&next, " ")) {
    }
    if (next.empty()) continue;
    for (const char byte : next) {
      if (byte == ' ') {
        normal += kSentencepieceSpace;
      } else {
        normal.push_back(byte);
      }
    }
    after_space = removes_extra_spaces_ && absl::EndsWith(next, " ");
  }
  if (removes_extra_spaces_) {
    absl::string_view kept = normal;
    while (absl::ConsumeSuffix(&kept, kSentencepieceSpace)) {
    }
    normal.resize(kept.size());
  }
  return normal;
}

}  // namespace hawser
