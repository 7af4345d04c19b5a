// What the emulation promises: right kernels compute what they should, in any
// order, and each kind of mistake shows.
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cuda_emulation/device.h"
#include "tests/cuda_emulation/include/cublas_v2.h"
#include "tests/cuda_emulation/include/cuda_runtime.h"

namespace cuda_emulation {
namespace {

using ::testing::HasSubstr;

constexpr int kThreads = 64;
constexpr int kSeeds = 20;

void AddOne(float* x, int n) {
  const auto i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) x[i] += 1;
}

// Each thread gets what its neighbour wrote.
void Turn(float* x) {
  auto* shared = static_cast<float*>(BlockMemory());
  shared[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = shared[(threadIdx.x + 1) % blockDim.x];
}

void TurnWithoutBarrier(float* x) {
  auto* shared = static_cast<float*>(BlockMemory());
  shared[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = shared[(threadIdx.x + 1) % blockDim.x];
}

void HalfAtTheBarrier(float* x) {
  if (threadIdx.x % 2 == 0) return;
  __syncthreads();
  x[threadIdx.x] = 0;
}

void TwoBarriers(float* x) {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  x[threadIdx.x] = 0;
}

void SumOfWarp(float* x) {
  float sum = x[threadIdx.x];
  for (int mask = 16; mask > 0; mask /= 2) {
    sum += __shfl_xor_sync(0xffffffff, sum, mask);
  }
  x[threadIdx.x] = sum;
}

void BeyondShared(float*) { static_cast<float*>(BlockMemory())[kThreads] = 1; }

void Beyond(float* x) { x[kThreads] = 1; }

class EmulationTest : public ::testing::Test {
 protected:
  EmulationTest() {
    Reset();
    cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&other_, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&event_, cudaEventDisableTiming);
    void* memory = nullptr;
    EXPECT_EQ(cudaMalloc(&memory, kThreads * sizeof(float)), cudaSuccess);
    device_ = static_cast<float*>(memory);
    host_.resize(kThreads);
    cudaHostRegister(host_.data(), kThreads * sizeof(float), 0);
  }
  ~EmulationTest() override {
    Reset();
    cudaFree(device_);
    cudaHostUnregister(host_.data());
    cudaEventDestroy(event_);
    cudaStreamDestroy(stream_);
    cudaStreamDestroy(other_);
    Reset();
  }

  // host_ to the device, the kernel, and back.
  cudaError_t Run(void (*kernel)(float*)) {
    for (int i = 0; i < kThreads; ++i) host_[static_cast<size_t>(i)] = i;
    CopyIn(stream_);
    LaunchKernel(kernel, dim3(1), dim3(kThreads), kThreads * sizeof(float),
                 stream_, device_);
    CopyOut(stream_);
    return cudaStreamSynchronize(stream_);
  }
  void CopyIn(cudaStream_t stream) {
    cudaMemcpyAsync(device_, host_.data(), kThreads * sizeof(float),
                    cudaMemcpyHostToDevice, stream);
  }
  void CopyOut(cudaStream_t stream) {
    cudaMemcpyAsync(host_.data(), device_, kThreads * sizeof(float),
                    cudaMemcpyDeviceToHost, stream);
  }
  bool IsTurned() const {
    for (int i = 0; i < kThreads; ++i) {
      if (host_[static_cast<size_t>(i)] != (i + 1) % kThreads) return false;
    }
    return true;
  }

  cudaStream_t stream_ = nullptr, other_ = nullptr;
  cudaEvent_t event_ = nullptr;
  float* device_ = nullptr;
  std::vector<float> host_;
};

TEST_F(EmulationTest, BarriersOrderTheThreadsOfABlock) {
  for (int seed = 0; seed < kSeeds; ++seed) {
    SetSeed(seed);
    ASSERT_EQ(Run(&Turn), cudaSuccess) << Failure();
    EXPECT_TRUE(IsTurned()) << "seed " << seed;
  }
}

TEST_F(EmulationTest, AMissingBarrierShows) {
  for (int seed = 0; seed < kSeeds; ++seed) {
    SetSeed(seed);
    ASSERT_EQ(Run(&TurnWithoutBarrier), cudaSuccess);
    EXPECT_FALSE(IsTurned()) << "seed " << seed;
  }
}

TEST_F(EmulationTest, BarriersThatDivergeAreErrors) {
  EXPECT_EQ(Run(&HalfAtTheBarrier), cudaErrorLaunchFailure);
  EXPECT_THAT(Failure(), HasSubstr("a barrier diverges"));
  Reset();
  EXPECT_EQ(Run(&TwoBarriers), cudaErrorLaunchFailure);
  EXPECT_THAT(Failure(), HasSubstr("__syncthreads diverges"));
}

TEST_F(EmulationTest, ThreadsOfAWarpExchangeValues) {
  ASSERT_EQ(Run(&SumOfWarp), cudaSuccess) << Failure();
  EXPECT_EQ(host_[3], 31 * 32 / 2);
  EXPECT_EQ(host_[40], 32 * 32 + 31 * 32 / 2);
}

TEST_F(EmulationTest, WritingBeyondMemoryIsAnError) {
  EXPECT_EQ(Run(&BeyondShared), cudaErrorLaunchFailure);
  EXPECT_THAT(Failure(), HasSubstr("beyond its block's shared memory"));
#ifndef __SANITIZE_ADDRESS__  // which ends the process
  Reset();
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, kThreads * sizeof(float)), cudaSuccess);
  LaunchKernel(&Beyond, dim3(1), dim3(1), 0, stream_,
               static_cast<float*>(memory));
  EXPECT_EQ(cudaFree(memory), cudaErrorIllegalAddress);
  EXPECT_THAT(Failure(), HasSubstr("beyond the end"));
#endif
}

TEST_F(EmulationTest, KernelsGetNoMemoryOfTheHost) {
  EXPECT_EQ(LaunchKernel(&AddOne, dim3(1), dim3(kThreads), 0, stream_,
                         host_.data(), kThreads),
            cudaErrorIllegalAddress);
  EXPECT_THAT(Failure(), HasSubstr("memory of the host"));
}

TEST_F(EmulationTest, TheHostCannotTouchTheDevicesMemory) {
  ASSERT_EQ(Run(&Turn), cudaSuccess);
  EXPECT_DEATH(device_[0] = 1, "");
}

TEST_F(EmulationTest, NewMemoryIsNotANumber) {
  CopyOut(stream_);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  for (const float value : host_) EXPECT_TRUE(std::isnan(value));
}

// What one stream makes and another one reads.
TEST_F(EmulationTest, StreamsAreOrderedByEventsAlone) {
  int stale = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    SetSeed(seed);
    for (const bool ordered : {false, true}) {
      host_.assign(kThreads, 0);
      CopyIn(other_);
      ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
      for (int i = 0; i < 4; ++i) {
        LaunchKernel(&AddOne, dim3(2), dim3(kThreads / 2), 0, stream_, device_,
                     kThreads);
      }
      cudaEventRecord(event_, stream_);
      if (ordered) cudaStreamWaitEvent(other_, event_, 0);
      CopyOut(other_);
      ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
      const bool is_stale = host_[5] != 4;
      EXPECT_FALSE(ordered && is_stale) << "seed " << seed;
      stale += is_stale ? 1 : 0;
      ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    }
  }
  EXPECT_GT(stale, kSeeds / 2);
}

// Pinned memory is read when the copy is done, other memory at once.
TEST_F(EmulationTest, CopiesOfPinnedMemoryAreLate) {
  host_.assign(kThreads, 1);
  CopyIn(stream_);
  host_.assign(kThreads, 2);
  CopyOut(stream_);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(host_[0], 2);
  cudaHostUnregister(host_.data());
  host_.assign(kThreads, 1);
  CopyIn(stream_);
  host_.assign(kThreads, 2);
  CopyOut(stream_);
  EXPECT_EQ(host_[0], 1);
  cudaHostRegister(host_.data(), kThreads * sizeof(float), 0);
}

// What is captured is done when the graph is launched, each time, with the
// memory and the numbers of the capture.
TEST_F(EmulationTest, GraphsRepeatWhatWasCaptured) {
  host_.assign(kThreads, 0);
  CopyIn(stream_);
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
            cudaSuccess);
  int n = 3;
  LaunchKernel(&AddOne, dim3(1), dim3(kThreads), 0, stream_, device_, n);
  n = 5;  // of no kernel any more
  LaunchKernel(&AddOne, dim3(1), dim3(kThreads), 0, stream_, device_ + 1, 1);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t made = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiateWithFlags(&made, graph, 0), cudaSuccess);
  cudaGraphDestroy(graph);
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(cudaGraphLaunch(made, stream_), cudaSuccess) << Failure();
  }
  CopyOut(stream_);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess) << Failure();
  EXPECT_THAT(std::vector<float>(host_.begin(), host_.begin() + 4),
              ::testing::ElementsAre(4, 8, 4, 0));
  cudaGraphExecDestroy(made);
}

TEST_F(EmulationTest, AGraphWhoseMemoryWasFreedIsAnError) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, kThreads * sizeof(float)), cudaSuccess);
  cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal);
  LaunchKernel(&AddOne, dim3(1), dim3(kThreads), 0, stream_,
               static_cast<float*>(memory), kThreads);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t made = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiateWithFlags(&made, graph, 0), cudaSuccess);
  cudaGraphDestroy(graph);
  ASSERT_EQ(cudaFree(memory), cudaSuccess) << Failure();
  EXPECT_EQ(cudaGraphLaunch(made, stream_), cudaErrorIllegalAddress);
  EXPECT_THAT(Failure(), HasSubstr("not memory any more"));
  cudaGraphExecDestroy(made);
}

TEST_F(EmulationTest, WhatMayNotBeCapturedIsAnError) {
  const auto expect_error = [&](auto call, const char* why) {
    ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
              cudaSuccess);
    call();
    EXPECT_THAT(Failure(), HasSubstr(why));
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream_, &graph),
              cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(graph, nullptr);
    Reset();
  };
  void* memory = nullptr;
  expect_error([&] { cudaMalloc(&memory, 4); }, "memory is asked for");
  expect_error([&] { CopyIn(stream_); }, "a copy is given");
  expect_error([&] { cudaEventRecord(event_, stream_); }, "is recorded");
  expect_error([&] { cudaStreamWaitEvent(stream_, event_, 0); }, "waited for");
  expect_error([&] { cudaStreamSynchronize(other_); }, "waited for");
  expect_error([&] { cudaEventSynchronize(event_); }, "waited for");
}

TEST_F(EmulationTest, MemoryEnds) {
  SetMemory(MemoryInUse() + 1000);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 1001), cudaErrorMemoryAllocation);
  ASSERT_EQ(cudaMalloc(&memory, 1000), cudaSuccess);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
  SetMemory(0);
}

TEST_F(EmulationTest, ALostDeviceFailsEveryCall) {
  LoseDeviceAfter(1);
  EXPECT_EQ(Run(&Turn), cudaErrorDevicesUnavailable);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 4), cudaErrorDevicesUnavailable);
  EXPECT_EQ(cudaStreamSynchronize(other_), cudaErrorDevicesUnavailable);
}

TEST_F(EmulationTest, ProductsAreColumnMajor) {
  // [1 3 5; 2 4 6] [1; 10; 100] + 1000 times what is there.
  for (int i = 0; i < 12; ++i) host_[static_cast<size_t>(i)] = i + 1;
  host_[6] = 1;
  host_[7] = 10;
  host_[8] = 100;
  host_[9] = 1;
  host_[10] = 2;
  CopyIn(stream_);
  cublasHandle_t blas = nullptr;
  cublasCreate(&blas);
  cublasSetStream(blas, stream_);
  const float one = 1, beta = 1000;
  ASSERT_EQ(cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 2, 1, 3, &one, device_,
                         CUDA_R_32F, 2, device_ + 6, CUDA_R_32F, 3, &beta,
                         device_ + 9, CUDA_R_32F, 2, CUBLAS_COMPUTE_32F,
                         CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  CopyOut(stream_);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(host_[9], 531 + 1000);
  EXPECT_EQ(host_[10], 642 + 2000);
  cublasDestroy(blas);
}

}  // namespace
}  // namespace cuda_emulation
