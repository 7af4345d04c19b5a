#include "common/tokenizer/byte_tokenizer.h"

#include <array>

namespace hawser {
namespace {

class ByteTokenizer : public Tokenizer {
 public:
  ByteTokenizer() {
    for (size_t i = 0; i < bytes_.size(); ++i) {
      bytes_[i] = static_cast<char>(i);
    }
  }

  int64_t vocabulary() const override { return 256; }
  bool needs_utf8() const override { return false; }
  absl::string_view TokenText(int32_t token) const override {
    return absl::string_view(bytes_.data() + token, 1);
  }
  absl::StatusOr<size_t> EncodeSome(
      absl::string_view text, bool, bool,
      std::vector<int32_t>* tokens) const override {
    tokens->reserve(tokens->size() + text.size());
    for (const char byte : text) {
      tokens->push_back(static_cast<unsigned char>(byte));
    }
    return text.size();
  }

 private:
  std::array<char, 256> bytes_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeByteTokenizer() {
  return std::make_unique<ByteTokenizer>();
}

}  // namespace hawser
