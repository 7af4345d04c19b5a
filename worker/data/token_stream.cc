#include "worker/data/token_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/simd.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr int64_t kCheckPiece = 1 << 16;

template <typename Stored>
void Widen(const void* data, int64_t first, int64_t count, int32_t* tokens) {
  const Stored* stored = static_cast<const Stored*>(data) + first;
  for (int64_t i = 0; i < count; ++i) {
    tokens[i] = static_cast<int32_t>(stored[i]);
  }
}

HAWSER_SIMD
uint32_t Largest16(const uint16_t* tokens, int64_t count) {
  uint16_t largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    largest = tokens[i] > largest ? tokens[i] : largest;
  }
  return largest;
}

HAWSER_SIMD
uint32_t Largest32(const uint32_t* tokens, int64_t count) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    largest = tokens[i] > largest ? tokens[i] : largest;
  }
  return largest;
}

// The position of the first token that is not below the limit; count: none.
template <typename Stored, typename Largest>
int64_t FirstNotBelow(const void* data, int64_t count, int64_t limit,
                      Largest largest) {
  const auto* tokens = static_cast<const Stored*>(data);
  for (int64_t at = 0; at < count; at += kCheckPiece) {
    const int64_t piece = std::min(kCheckPiece, count - at);
    if (int64_t{largest(tokens + at, piece)} < limit) continue;
    return std::find_if(tokens + at, tokens + at + piece,
                        [&](Stored t) { return int64_t{t} >= limit; }) -
           tokens;
  }
  return count;
}

}  // namespace

void TokenStream::Append(const std::string& name,
                         std::shared_ptr<const void> owner, const void* data,
                         size_t width, size_t count) {
  parts_.push_back({name, std::move(owner), data, width, size_,
                    static_cast<int64_t>(count)});
  size_ += static_cast<int64_t>(count);
}

void TokenStream::AppendFile(const std::string& name, MappedFile file,
                             size_t offset, size_t width) {
  auto owner = std::make_shared<const MappedFile>(std::move(file));
  const absl::string_view bytes = owner->bytes().substr(offset);
  Append(name, owner, bytes.data(), width, bytes.size() / width);
}

void TokenStream::AppendTokens(const std::string& name,
                               std::vector<uint16_t> tokens) {
  auto owner = std::make_shared<const std::vector<uint16_t>>(std::move(tokens));
  Append(name, owner, owner->data(), sizeof(uint16_t), owner->size());
}

void TokenStream::AppendTokens(const std::string& name,
                               std::vector<uint32_t> tokens) {
  auto owner = std::make_shared<const std::vector<uint32_t>>(std::move(tokens));
  Append(name, owner, owner->data(), sizeof(uint32_t), owner->size());
}

int64_t TokenStream::FileOf(int64_t position) const {
  const auto after = std::upper_bound(
      parts_.begin(), parts_.end(), position,
      [](int64_t at, const Part& part) { return at < part.first; });
  return after - parts_.begin() - 1;
}

std::string TokenStream::Names() const {
  if (parts_.empty()) return "no files";
  if (parts_.size() == 1) return parts_[0].name;
  return absl::StrCat(parts_[0].name, " and ", parts_.size() - 1, " more");
}

void TokenStream::Copy(int64_t first, int64_t count, int32_t* tokens) const {
  auto part = static_cast<size_t>(FileOf(first));
  while (count > 0) {
    const Part& from = parts_[part++];
    const int64_t at = first - from.first;
    const int64_t here = std::min(count, from.count - at);
    if (from.width == 1) Widen<uint8_t>(from.data, at, here, tokens);
    if (from.width == 2) Widen<uint16_t>(from.data, at, here, tokens);
    if (from.width == 4) Widen<uint32_t>(from.data, at, here, tokens);
    first += here;
    count -= here;
    tokens += here;
  }
}

absl::Status TokenStream::CheckBelow(int64_t limit,
                                     const std::string& limit_name) const {
  for (const Part& part : parts_) {
    if (part.width < 4 && limit >= int64_t{1} << (8 * part.width)) continue;
    int64_t bad = part.count;
    if (part.width == 2) {
      bad = FirstNotBelow<uint16_t>(part.data, part.count, limit, Largest16);
    } else if (part.width == 4) {
      bad = FirstNotBelow<uint32_t>(part.data, part.count, limit, Largest32);
    }
    if (bad == part.count) continue;
    const int64_t token =
        part.width == 2 ? int64_t{static_cast<const uint16_t*>(part.data)[bad]}
                        : int64_t{static_cast<const uint32_t*>(part.data)[bad]};
    return absl::InvalidArgumentError(absl::StrCat(
        part.name, ": token number ", bad, " is ", token,
        ", which is not below ", limit_name, ", ", limit,
        "; use the tokenizer that the model was made for, or a model with a ",
        "larger vocabulary"));
  }
  return absl::OkStatus();
}

}  // namespace hawser
