// A GPU that cannot be had, under emulation: which error, and what to do.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cuda_emulation/device.h"
#include "worker/backend/cuda/cuda_backend.h"

namespace hawser {
namespace {

using ::testing::HasSubstr;

class CudaDeviceTest : public ::testing::Test {
 protected:
  ~CudaDeviceTest() override {
    cuda_emulation::SetHost(13000, 1);
    cuda_emulation::SetMemory(0);
    cuda_emulation::Reset();
  }
  static absl::Status Open(int number = 0) {
    return MakeCudaBackend({.device = number}).status();
  }
};

TEST_F(CudaDeviceTest, NoDriver) {
  cuda_emulation::SetHost(/*driver=*/0, /*devices=*/0);
  const absl::Status status = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(), HasSubstr("no NVIDIA driver"));
  EXPECT_THAT(status.message(), HasSubstr("for CUDA 13.0"));
  EXPECT_THAT(status.message(), HasSubstr("use --device cpu"));
}

TEST_F(CudaDeviceTest, AnOldDriver) {
  cuda_emulation::SetHost(/*driver=*/12040, /*devices=*/1);
  const absl::Status status = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(), HasSubstr("the NVIDIA driver is of CUDA 12.4"));
  EXPECT_THAT(status.message(), HasSubstr("install a newer driver"));
}

TEST_F(CudaDeviceTest, NoGpu) {
  cuda_emulation::SetHost(13000, /*devices=*/0);
  const absl::Status status = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(), HasSubstr("finds no GPU"));
  EXPECT_THAT(status.message(), HasSubstr("CUDA_VISIBLE_DEVICES"));
}

TEST_F(CudaDeviceTest, AnotherNumber) {
  const absl::Status status = Open(3);
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(status.message(), HasSubstr("there is no GPU 3: CUDA counts 1"));
}

TEST_F(CudaDeviceTest, NoMemoryForTheWorkspace) {
  cuda_emulation::SetMemory(cuda_emulation::MemoryInUse() + (1 << 20));
  const absl::Status status = Open();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("MiB are free"));
}

// A GPU that was lost is not there until the process starts anew.
TEST_F(CudaDeviceTest, ALostGpu) {
  cuda_emulation::LoseDeviceAfter(0);
  const auto lost = MakeCudaBackend(CudaOptions());
  ASSERT_TRUE(lost.ok());
  const auto memory = (*lost)->Allocate(4);
  ASSERT_TRUE(memory.ok());
  float host = 1;
  (*lost)->CopyIn(&host, 4, memory->get());
  (*lost)->AwaitAll();
  EXPECT_TRUE(absl::IsUnavailable((*lost)->status())) << (*lost)->status();
  EXPECT_TRUE(absl::IsUnavailable(Open()));
}

}  // namespace
}  // namespace hawser
