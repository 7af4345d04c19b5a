#include "worker/data/token_file.h"

#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace hawser {
namespace {

constexpr size_t kHeaderBytes = 256 * sizeof(int32_t);
constexpr int32_t kEvaluationMagic = 20240522;

struct Kind {
  int32_t magic;
  int32_t version;
  size_t width;
};
constexpr Kind kKinds[] = {{20240520, 1, 2}, {20240801, 7, 4}};

template <typename... Parts>
absl::Status Bad(const std::string& path, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", parts...));
}

int32_t HeaderWord(absl::string_view bytes, size_t index) {
  int32_t word = 0;
  std::memcpy(&word, bytes.data() + index * sizeof(word), sizeof(word));
  return word;
}

absl::StatusOr<TokenFileLayout> WithHeader(const std::string& path,
                                           absl::string_view bytes,
                                           const Kind& kind) {
  if (bytes.size() < kHeaderBytes) {
    return Bad(path, "an llm.c token file that is cut off in its header, at ",
               bytes.size(), " of ", kHeaderBytes, " bytes");
  }
  const int32_t version = HeaderWord(bytes, 1);
  if (version != kind.version) {
    return Bad(path, "an llm.c token file of version ", version, ", expected ",
               kind.version, "; make it anew");
  }
  const int32_t tokens = HeaderWord(bytes, 2);
  if (tokens <= 0) return Bad(path, "its header says ", tokens, " tokens");
  const size_t expected =
      kHeaderBytes + static_cast<size_t>(tokens) * kind.width;
  if (bytes.size() != expected) {
    return Bad(path, bytes.size(), " bytes, but its header says ", tokens,
               " tokens, which take ", expected,
               "; the file is damaged or was not copied whole");
  }
  return TokenFileLayout{kHeaderBytes, kind.width};
}

}  // namespace

absl::StatusOr<TokenFileLayout> ReadTokenFileLayout(const std::string& path,
                                                    absl::string_view bytes) {
  if (bytes.empty()) return Bad(path, "is empty; leave it out");
  const int32_t magic = bytes.size() < sizeof(magic) ? 0 : HeaderWord(bytes, 0);
  for (const Kind& kind : kKinds) {
    if (kind.magic == magic) return WithHeader(path, bytes, kind);
  }
  if (magic == kEvaluationMagic) {
    return Bad(path,
               "an llm.c file of multiple-choice questions, not of "
               "tokens to train on");
  }
  if (bytes.size() % sizeof(uint16_t) != 0) {
    return Bad(path, bytes.size(), " bytes: neither an llm.c token file nor ",
               "uint16 tokens, of which there would be a half");
  }
  return TokenFileLayout{0, sizeof(uint16_t)};
}

}  // namespace hawser
