// The speed of the codecs on blocks of 262144 floats (1 MiB), as jobs have them
// by default, one thread. bytes_per_second counts float32 bytes, whatever the
// encoding's size, so that the figures compare; bytes_per_float is that size.
// AddInto is what a server does with float32.
//
//   bazel run //tests/bench:codec_bench
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/codec/codec.h"

namespace hawser {
namespace {

constexpr int64_t kElements = 1 << 18;

std::vector<float> Values() {
  std::vector<float> values;
  uint32_t state = 1;
  for (int64_t i = 0; i < kElements; ++i) {
    state = state * 1664525u + 1013904223u;
    values.push_back(static_cast<float>(static_cast<int32_t>(state)) * 1e-12f);
  }
  return values;
}

void Count(benchmark::State& state, const Codec& codec) {
  state.SetBytesProcessed(state.iterations() * kElements *
                          static_cast<int64_t>(sizeof(float)));
  state.counters["bytes_per_float"] =
      static_cast<double>(codec.EncodedBytes(kElements)) / kElements;
}

void Encode(benchmark::State& state, const CodecKind& kind) {
  const auto codec = kind.make({}).value();
  const std::vector<float> values = Values();
  std::vector<float> residual(values.size(), 0.0f);
  std::vector<char> bytes(codec->EncodedBytes(kElements));
  for (auto _ : state) {
    codec->Encode(values.data(), kElements, residual.data(), bytes.data());
    benchmark::ClobberMemory();
  }
  Count(state, *codec);
}

void DecodeAdd(benchmark::State& state, const CodecKind& kind) {
  const auto codec = kind.make({}).value();
  const std::vector<float> values = Values();
  std::vector<float> sum(values.size(), 0.0f);
  std::vector<char> bytes(codec->EncodedBytes(kElements));
  codec->Encode(values.data(), kElements, sum.data(), bytes.data());
  const absl::Span<const char> piece(bytes);
  for (auto _ : state) {
    codec->DecodeAdd({&piece, 1}, kElements, sum.data());
    benchmark::ClobberMemory();
  }
  Count(state, *codec);
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const hawser::CodecKind& kind : hawser::AllCodecs()) {
    const std::string name(kind.name);
    benchmark::RegisterBenchmark(("Encode/" + name).c_str(), hawser::Encode,
                                 kind);
    benchmark::RegisterBenchmark(("DecodeAdd/" + name).c_str(),
                                 hawser::DecodeAdd, kind);
  }
  benchmark::RunSpecifiedBenchmarks();
}
