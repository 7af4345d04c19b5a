#include "worker/device_choice.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using ::testing::HasSubstr;

TEST(DeviceChoiceTest, TheCpuIsAlwaysThere) {
  const auto factory = BackendFactoryFor("cpu", CudaOptions());
  ASSERT_TRUE(factory.ok()) << factory.status();
  ThreadPool pool(1);
  const auto backend = (*factory)(&pool);
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_TRUE((*backend)->works_on_host());
}

TEST(DeviceChoiceTest, OtherNamesAreRefused) {
  for (const char* device :
       {"", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:0,1", "CPU"}) {
    const auto factory = BackendFactoryFor(device, CudaOptions());
    EXPECT_TRUE(absl::IsInvalidArgument(factory.status())) << device;
    EXPECT_THAT(factory.status().message(), HasSubstr("cuda:N"));
  }
}

// There, or an error that says why not and what to do.
TEST(DeviceChoiceTest, AGpuIsOpenedAtOnce) {
  const auto factory = BackendFactoryFor("cuda:999", CudaOptions());
  ASSERT_FALSE(factory.ok());
  EXPECT_THAT(factory.status().message(),
              ::testing::AnyOf(HasSubstr("without CUDA"), HasSubstr("GPU")));
}

}  // namespace
}  // namespace hawser
