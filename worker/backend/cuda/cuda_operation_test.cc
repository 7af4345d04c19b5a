// The conformance test (cases/conformance.h) on the CUDA backend.
#include <vector>

#include "glog/logging.h"
#include "gtest/gtest.h"
#include "worker/backend/cases/conformance.h"
#include "worker/backend/cuda/cuda_backend.h"

namespace hawser {
namespace {

std::unique_ptr<Backend> Make() {
  auto backend = MakeCudaBackend(CudaOptions());
  CHECK(backend.ok()) << backend.status();
  return *std::move(backend);
}

TEST(CudaOperationTest, AgreesWithTheReference) {
  ExpectAgreement(Make().get());
}

TEST(CudaOperationTest, TheSameBitsInAnyOrder) {
  ExpectTheSameBitsInAnyOrder(Make().get(), /*every=*/7);
}

// x * 1, summed over `terms`, as a backend with this option computes it.
float ProductOf(float x, int64_t terms, bool tf32) {
  auto backend = MakeCudaBackend({.tf32 = tf32});
  CHECK(backend.ok()) << backend.status();
  const auto bytes = terms * static_cast<int64_t>(sizeof(float));
  const auto on_device = [&](float value) {
    const std::vector<float> host(static_cast<size_t>(terms), value);
    auto memory = (*backend)->Allocate(bytes);
    CHECK(memory.ok()) << memory.status();
    (*backend)->CopyIn(host.data(), bytes, memory->get());
    (*backend)->AwaitAll();
    return *std::move(memory);
  };
  const BackendMemory a = on_device(x), b = on_device(1), c = on_device(0);
  const auto row = [&](const BackendMemory& memory, int64_t columns) {
    return Matrix(static_cast<float*>(memory.get()), 1, columns);
  };
  (*backend)->ForEach(1, [&](Lane& lane, int64_t) {
    lane.Multiply({.transpose_b = true}, row(a, terms), row(b, terms),
                  row(c, 1));
  });
  float result = 0;
  (*backend)->CopyOut(c.get(), sizeof(float), &result);
  (*backend)->AwaitAll();
  return result;
}

// Of its operands TF32 keeps 10 bits of the mantissa; sums stay in float32.
TEST(CudaOperationTest, Tf32RoundsTheOperandsAlone) {
  if (!Make()->Supports(Element::kBfloat16).ok()) {
    GTEST_SKIP() << "this GPU has no TF32";
  }
  constexpr float kKept = 1 + 0x1p-10f, kLost = 1 + 0x1p-13f;
  for (const bool tf32 : {false, true}) {
    EXPECT_EQ(ProductOf(kKept, 1, tf32), kKept);
    EXPECT_EQ(ProductOf(kLost, 1, tf32), tf32 ? 1 : kLost);
    // The sum has more bits than an operand.
    EXPECT_EQ(ProductOf(kKept, 4099, tf32), 4099 * kKept);
  }
}

}  // namespace
}  // namespace hawser
