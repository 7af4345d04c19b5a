// What a fuzzer's bytes are taken apart into.
#ifndef HAWSER_TESTS_FUZZ_INPUT_H_
#define HAWSER_TESTS_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/wire/frame.h"

// A finding: ends the process, so that libFuzzer keeps the input.
#define HAWSER_FUZZ_CHECK(condition)                                       \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                        \
    }                                                                      \
  } while (false)

namespace hawser::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  // 0 when nothing is left.
  uint32_t Number(int bytes) {
    uint32_t number = 0;
    for (; bytes > 0 && size_ > 0; --bytes, ++data_, --size_) {
      number = number << 8 | *data_;
    }
    return number;
  }
  std::string Rest() const {
    return std::string(reinterpret_cast<const char*>(data_), size_);
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

// Bytes in pieces, each in memory of its own, so that reading beyond one is
// seen. seed 0: one piece.
class Pieces {
 public:
  Pieces(const std::string& bytes, uint32_t seed) {
    for (size_t at = 0; at < bytes.size();) {
      seed = seed == 0 ? 0 : seed * 1664525u + 1013904223u;
      size_t length = bytes.size() - at;
      if (seed != 0) length = std::min<size_t>(length, (seed >> 20) % 300);
      const char* from = bytes.data() + at;
      memory_.emplace_back(from, from + length);
      at += length;
    }
    for (const auto& piece : memory_) {
      pieces_.emplace_back(piece.data(), piece.size());
    }
  }
  PayloadPieces pieces() const { return pieces_; }

 private:
  std::vector<std::vector<char>> memory_;
  std::vector<absl::Span<const char>> pieces_;
};

// What codec_fuzz.cc is about from now on; the name of one that there is.
void ChooseCodec(const std::string& name);

}  // namespace hawser::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif  // HAWSER_TESTS_FUZZ_INPUT_H_
