// Work that a backend keeps as graphs, under emulation.
#include <memory>
#include <string>
#include <vector>

#include "glog/logging.h"
#include "gtest/gtest.h"
#include "tests/cuda_emulation/device.h"
#include "worker/backend/cuda/cuda_backend.h"

namespace hawser {
namespace {

constexpr int64_t kFloats = 100;

class CudaGraphsTest : public ::testing::Test {
 protected:
  CudaGraphsTest() {
    auto made = MakeCudaBackend(CudaOptions());
    CHECK(made.ok()) << made.status();
    backend_ = *std::move(made);
    auto memory = backend_->Allocate(kFloats * sizeof(float));
    CHECK(memory.ok()) << memory.status();
    memory_ = *std::move(memory);
  }
  ~CudaGraphsTest() override { cuda_emulation::Reset(); }

  // Fills working memory with the value and copies it to memory_.
  void Give(const WorkName& name, float value) {
    backend_->GiveNamed(name, [&] {
      ++given_;
      OnLane([&](Lane& lane) {
        const Matrix scratch(lane.Scratch(0, kFloats), 1, kFloats);
        lane.Fill(value, scratch);
        lane.Convert(scratch,
                     Matrix(static_cast<float*>(memory_.get()), 1, kFloats));
      });
    });
  }
  template <typename Work>
  void OnLane(Work work) {
    backend_->ForEach(1, [&](Lane& lane, int64_t) { work(lane); });
  }
  // What is there; 0 if it is not the same everywhere.
  float Value() {
    std::vector<float> host(kFloats);
    backend_->Await(backend_->CopyOut(
        memory_.get(), kFloats * int64_t{sizeof(float)}, host.data()));
    backend_->AwaitAll();
    for (const float each : host) {
      if (each != host[0]) return 0;
    }
    return host[0];
  }

  std::unique_ptr<Backend> backend_;
  BackendMemory memory_;
  int given_ = 0;
};

TEST_F(CudaGraphsTest, WorkIsGivenOnceToDoItAndOnceToKeepIt) {
  for (int i = 0; i < 5; ++i) {
    Give({1}, 7);
    Give({2}, 9);
    EXPECT_EQ(Value(), 9) << i;
    Give({1}, 7);
    EXPECT_EQ(Value(), 7) << i;
  }
  EXPECT_EQ(given_, 4);
  EXPECT_TRUE(backend_->status().ok()) << backend_->status();
}

TEST_F(CudaGraphsTest, EveryPartOfTheNameTellsWorkApart) {
  const std::vector<WorkName> names{
      {1}, {2}, {1, 3}, {1, 0, 0.5f}, {1, 3, 0.5f}};
  for (int i = 0; i < 4; ++i) {
    for (size_t k = 0; k < names.size(); ++k) {
      const auto value = static_cast<float>(k + 1);
      Give(names[k], value);
      EXPECT_EQ(Value(), value) << i;
    }
  }
}

TEST_F(CudaGraphsTest, MemoryThatHasMovedIsNotUsed) {
  for (int i = 0; i < 3; ++i) Give({1}, 7);
  OnLane([](Lane& lane) { lane.Scratch(0, 100 * kFloats); });
  for (int i = 0; i < 3; ++i) {
    Give({1}, 7);
    EXPECT_EQ(Value(), 7) << i;
  }
  EXPECT_TRUE(backend_->status().ok()) << backend_->status();
  EXPECT_EQ(given_, 3);  // captured anew
}

// They are bounded: what there are too many of is done as it is given.
TEST_F(CudaGraphsTest, AnyNumberOfNames) {
  for (int64_t what = 0; what < 10000; ++what) Give({what}, 7);
  for (int i = 0; i < 3; ++i) Give({9999}, 7);
  EXPECT_EQ(Value(), 7);
  EXPECT_TRUE(backend_->status().ok()) << backend_->status();
}

TEST_F(CudaGraphsTest, ALostDeviceGivesNoGraph) {
  Give({1}, 7);
  cuda_emulation::LoseDeviceAfter(0);
  backend_->AwaitAll();
  for (int i = 0; i < 3; ++i) Give({1}, 7);
  EXPECT_TRUE(absl::IsUnavailable(backend_->status())) << backend_->status();
}

// What may not be in a graph is an error and not another result.
TEST_F(CudaGraphsTest, CopiesAreNotKept) {
  std::vector<float> host(kFloats);
  for (int i = 0; i < 2; ++i) {
    backend_->GiveNamed({1}, [&] {
      backend_->CopyIn(host.data(), kFloats * int64_t{sizeof(float)},
                       memory_.get());
    });
  }
  EXPECT_FALSE(backend_->status().ok());
}

}  // namespace
}  // namespace hawser
