// One codec, named by HAWSER_FUZZ_CODEC or ChooseCodec: any bytes as an
// encoding, and any floats to encode.
//
// With HAWSER_FUZZ_VECTORS everything is done by a second copy of the
// codecs, too (namespace hawser_vectors, see ./run), and both give the same
// bits.
#include <bit>
#include <cmath>
#include <cstring>

#include "common/codec/codec.h"
#include "tests/fuzz/input.h"

namespace hawser_vectors {
void DecodeApart(const char* codec, double share,
                 const std::vector<std::string>& pieces, int64_t n,
                 float* target);
void EncodeApart(const char* codec, double share, const float* values,
                 int64_t n, float* residual, char* encoded);
}  // namespace hawser_vectors

namespace hawser::fuzz {
namespace {

constexpr double kShare = 0.1;

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i])) {
      return false;
    }
  }
  return true;
}

std::string codec_name;
std::unique_ptr<Codec> codec;

const Codec& TheCodec() { return *codec; }

void DecodeAnything(const std::string& bytes, int64_t n, uint32_t seed) {
  const Pieces cut(bytes, seed);
  const Pieces whole(bytes, 0);
  const absl::Status status = TheCodec().Check(whole.pieces(), n);
  HAWSER_FUZZ_CHECK(TheCodec().Check(cut.pieces(), n).code() == status.code());
  HAWSER_FUZZ_CHECK(status.ok() || absl::IsDataLoss(status));
  if (bytes.size() != TheCodec().EncodedBytes(n)) {
    HAWSER_FUZZ_CHECK(!status.ok());
    return;
  }
  if (!status.ok()) {
    // Whatever it gives, it touches no other memory.
    std::vector<float> target(static_cast<size_t>(n));
    TheCodec().DecodeTo(cut.pieces(), n, target.data());
    return;
  }
  std::vector<float> one(static_cast<size_t>(n), 7.0f);
  std::vector<float> many(one);
  std::vector<float> added(one.size(), 0.0f);
  TheCodec().DecodeTo(whole.pieces(), n, one.data());
  TheCodec().DecodeTo(cut.pieces(), n, many.data());
  HAWSER_FUZZ_CHECK(SameBits(one, many));
  TheCodec().DecodeAdd(cut.pieces(), n, added.data());
  for (float& value : one) value += 0.0f;  // -0 becomes 0, as in a sum
  HAWSER_FUZZ_CHECK(SameBits(one, added));
#ifdef HAWSER_FUZZ_VECTORS
  hawser_vectors::DecodeApart(codec_name.c_str(), kShare, {bytes}, n,
                              one.data());
  HAWSER_FUZZ_CHECK(SameBits(one, many));
#endif
}

void EncodeAnything(const std::vector<float>& values) {
  const auto n = static_cast<int64_t>(values.size());
  std::string bytes(TheCodec().EncodedBytes(n), '\0');
  std::vector<float> residual(values.size(), 0.0f);
  for (int round = 0; round < 2; ++round) {
#ifdef HAWSER_FUZZ_VECTORS
    std::string other(bytes.size(), '\1');
    std::vector<float> other_residual = residual;
    hawser_vectors::EncodeApart(codec_name.c_str(), kShare, values.data(), n,
                                other_residual.data(), other.data());
#endif
    TheCodec().Encode(values.data(), n,
                      TheCodec().keeps_residual() ? residual.data() : nullptr,
                      bytes.data());
#ifdef HAWSER_FUZZ_VECTORS
    HAWSER_FUZZ_CHECK(bytes == other);
    HAWSER_FUZZ_CHECK(SameBits(residual, other_residual));
#endif
    const Pieces whole(bytes, 0);
    HAWSER_FUZZ_CHECK(TheCodec().Check(whole.pieces(), n).ok());
    std::vector<float> decoded(values.size());
    TheCodec().DecodeTo(whole.pieces(), n, decoded.data());
    bool any_lost = false;
    bool any_arrived = false;
    for (size_t i = 0; i < values.size(); ++i) {
      HAWSER_FUZZ_CHECK(std::isfinite(residual[i]));
      if (std::isfinite(decoded[i])) any_lost |= !std::isfinite(values[i]);
      any_arrived |= !std::isfinite(decoded[i]);
    }
    // Where values are left out, some of those that are not finite go first.
    HAWSER_FUZZ_CHECK(!any_lost ||
                      (TheCodec().keeps_residual() && any_arrived));
  }
}

}  // namespace

void ChooseCodec(const std::string& name) {
  if (name == codec_name) return;
  codec_name = name;
  codec = FindCodec(name)->make({name, kShare}).value();
}

}  // namespace hawser::fuzz

#ifdef HAWSER_FUZZ_CODEC
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  hawser::fuzz::ChooseCodec(HAWSER_FUZZ_CODEC);
  return 0;
}
#endif

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hawser::fuzz;
  Input input(data, size);
  const uint32_t seed = input.Number(1);
  const int64_t n = 1 + input.Number(2) % 5000;
  std::string bytes = input.Rest();
  DecodeAnything(bytes, n, seed);
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) {
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    EncodeAnything(values);
  }
  // Of the right length, whatever is said about it: repeated, or cut.
  const size_t right = TheCodec().EncodedBytes(n);
  while (!bytes.empty() && bytes.size() < right) bytes += bytes;
  bytes.resize(right);
  DecodeAnything(bytes, n, seed);
  return 0;
}
