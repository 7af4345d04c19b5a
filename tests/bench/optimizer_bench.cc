// The speed of the passes over memory that a server makes, beside what the
// memory itself does: memcpy and the triad of STREAM (McCalpin, 1995).
//
// bytes_per_second counts every vector once for each time it is read or
// written, so all the figures of one run compare. One thread; vectors far
// larger than the caches.
//
//   bazel run //tests/bench:optimizer_bench
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/optimizer/optimizer.h"
#include "common/simd.h"
#include "common/vector_ops.h"

namespace hawser {
namespace {

constexpr int64_t kElements = int64_t{16} << 20;  // 64 MiB

std::vector<float> Vector(float value) {
  return std::vector<float>(static_cast<size_t>(kElements), value);
}

void CountVectors(benchmark::State& state, size_t vectors) {
  state.SetBytesProcessed(state.iterations() * kElements *
                          static_cast<int64_t>(vectors * sizeof(float)));
}

void Memcpy(benchmark::State& state) {
  const std::vector<float> from = Vector(1);
  std::vector<float> to = Vector(2);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), kElements * sizeof(float));
    benchmark::ClobberMemory();
  }
  CountVectors(state, 2);
}
BENCHMARK(Memcpy);

HAWSER_SIMD
void TriadPass(float* __restrict a, const float* __restrict b,
               const float* __restrict c, float factor) {
  for (int64_t i = 0; i < kElements; ++i) a[i] = b[i] + factor * c[i];
}

void Triad(benchmark::State& state) {
  std::vector<float> a = Vector(0);
  const std::vector<float> b = Vector(1), c = Vector(2);
  for (auto _ : state) {
    TriadPass(a.data(), b.data(), c.data(), 3);
    benchmark::ClobberMemory();
  }
  CountVectors(state, 3);
}
BENCHMARK(Triad);

void AddIntoUnaligned(benchmark::State& state) {
  std::vector<float> sum = Vector(0);
  const std::vector<char> bytes(kElements * sizeof(float) + 1);
  for (auto _ : state) {
    AddInto(sum.data(), bytes.data() + 1, kElements);
    benchmark::ClobberMemory();
  }
  CountVectors(state, 3);
}
BENCHMARK(AddIntoUnaligned);

void Norm(benchmark::State& state) {
  const std::vector<float> x = Vector(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(SquaredNorm(x.data(), kElements));
  }
  CountVectors(state, 1);
}
BENCHMARK(Norm);

void Apply(benchmark::State& state, const OptimizerSpec& spec, bool in_place) {
  const auto optimizer = MakeOptimizer(spec);
  if (!optimizer.ok()) {
    state.SkipWithError(optimizer.status().ToString().c_str());
    return;
  }
  const size_t kept = (*optimizer)->StateNames().size();
  std::vector<std::vector<float>> vectors(kept, Vector(0.5));
  std::vector<float*> pointers;
  for (std::vector<float>& vector : vectors) pointers.push_back(vector.data());
  std::vector<float> theta = Vector(1);
  std::vector<float> next = in_place ? std::vector<float>() : Vector(1);
  const std::vector<float> gradient = Vector(0.25);
  UpdateStep step = {0, 1e-3, 0.125f};
  for (auto _ : state) {
    (*optimizer)
        ->Apply(step, theta.data(), gradient.data(), kElements,
                in_place ? theta.data() : next.data(),
                absl::MakeSpan(pointers));
    ++step.step;
    benchmark::ClobberMemory();
  }
  CountVectors(state, 3 + 2 * kept);
}

bool Register(const std::string& name, const OptimizerSpec& spec) {
  benchmark::RegisterBenchmark((name + "InPlace").c_str(), Apply, spec, true);
  benchmark::RegisterBenchmark((name + "OutOfPlace").c_str(), Apply, spec,
                               false);
  return true;
}

OptimizerSpec Sgd(double momentum) {
  OptimizerSpec spec;
  spec.mutable_sgd()->set_momentum(momentum);
  return spec;
}

OptimizerSpec Adam() {
  OptimizerSpec spec;
  spec.mutable_adam()->set_beta1(0.9);
  spec.mutable_adam()->set_beta2(0.999);
  spec.mutable_adam()->set_epsilon(1e-8);
  return spec;
}

OptimizerSpec Adagrad() {
  OptimizerSpec spec;
  spec.mutable_adagrad()->set_epsilon(1e-10);
  return spec;
}

const bool registered =
    Register("SgdPlain", Sgd(0)) && Register("SgdMomentum", Sgd(0.9)) &&
    Register("Adam", Adam()) && Register("Adagrad", Adagrad());

}  // namespace
}  // namespace hawser

BENCHMARK_MAIN();
