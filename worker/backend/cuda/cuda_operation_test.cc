// The conformance test (cases/conformance.h) on the CUDA backend.
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

}  // namespace
}  // namespace hawser
