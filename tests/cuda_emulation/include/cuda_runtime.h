// The part of the CUDA runtime that worker/backend/cuda uses, on the host. Same
// names and meanings as NVIDIA's header, so that the very kernel sources are
// compiled by g++; what differs is in docs/gpu.md.
#ifndef HAWSER_TESTS_CUDA_EMULATION_INCLUDE_CUDA_RUNTIME_H_
#define HAWSER_TESTS_CUDA_EMULATION_INCLUDE_CUDA_RUNTIME_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#define HAWSER_CUDA_EMULATION 1

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1)  // NOLINT
      : x(x), y(y), z(z) {}
};

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorDevicesUnavailable = 46,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
};

namespace cuda_emulation {
class Stream;
class Event;
class Graph;
class ExecutableGraph;
}  // namespace cuda_emulation

using cudaStream_t = cuda_emulation::Stream*;
using cudaEvent_t = cuda_emulation::Event*;
using cudaGraph_t = cuda_emulation::Graph*;
using cudaGraphExec_t = cuda_emulation::ExecutableGraph*;

enum cudaMemcpyKind {
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
};
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
constexpr unsigned cudaStreamNonBlocking = 1;
constexpr unsigned cudaEventDisableTiming = 2;
constexpr unsigned cudaHostRegisterPortable = 1;

struct cudaDeviceProp {
  char name[256];
  int major;
  int minor;
  int multiProcessorCount;
  size_t totalGlobalMem;
  size_t sharedMemPerBlockOptin;
};

const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaHostRegister(void* memory, size_t bytes, unsigned flags);
cudaError_t cudaHostUnregister(void* memory);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes,
                            cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event,
                                unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream,
                                   cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* made,
                                          cudaGraph_t graph,
                                          unsigned long long flags);  // NOLINT
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph);
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute what,
                                 int value);

// Of the thread that runs.
namespace cuda_emulation {

struct Position {
  dim3 thread, block, block_size, grid_size;
};
extern Position position;

// Whether a kernel may be given this pointer: null, or memory of the device.
bool IsDeviceMemory(const void* memory);
// Where the device has it.
uintptr_t Moved(const void* memory);

// Calls use(pointer) for each pointer of an argument: one itself, or a struct
// that gives them by ForEachPointer. Others have none.
template <typename T, typename Use>
void ForEachPointer(T& argument, Use use) {
  if constexpr (std::is_pointer_v<T>) {
    use(argument);
  } else if constexpr (requires { argument.ForEachPointer(use); }) {
    argument.ForEachPointer(use);
  }
}

template <typename T>
void AddPointers(T argument, std::vector<const void*>* pointers) {
  ForEachPointer(argument,
                 [&](auto& pointer) { pointers->push_back(pointer); });
}

template <typename T>
T MovedArgument(T argument) {
  ForEachPointer(argument, [](auto& pointer) {
    if (pointer == nullptr) return;
    pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(
        Moved(pointer));
  });
  return argument;
}

// kernel: what a thread does. memory: the pointers of its arguments. address:
// names it.
cudaError_t LaunchThreads(const void* address, dim3 grid, dim3 block,
                          size_t shared_bytes, cudaStream_t stream,
                          std::vector<const void*> memory,
                          std::function<void()> kernel);

// kernel<<<grid, block, shared_bytes, stream>>>(arguments...).
template <typename... P>
cudaError_t LaunchKernel(void (*kernel)(P...), dim3 grid, dim3 block,
                         size_t shared_bytes, cudaStream_t stream,
                         P... arguments) {
  std::vector<const void*> memory;
  (AddPointers(arguments, &memory), ...);
  return LaunchThreads(
      reinterpret_cast<const void*>(kernel), grid, block, shared_bytes, stream,
      std::move(memory),
      [kernel, ... moved = MovedArgument(arguments)] { kernel(moved...); });
}

// The block's shared memory, of the size that it was launched with.
void* BlockMemory();

void Syncthreads(std::source_location site);
// Whether it holds for any thread of the block.
bool SyncthreadsOr(bool holds, std::source_location site);
// Gives `value` to the threads of the warp and returns that of thread `lane`
// of it. 32 bits.
uint32_t Exchange(uint32_t value, unsigned lane, std::source_location site);
void Syncwarp(std::source_location site);

}  // namespace cuda_emulation

#define threadIdx (::cuda_emulation::position.thread)
#define blockIdx (::cuda_emulation::position.block)
#define blockDim (::cuda_emulation::position.block_size)
#define gridDim (::cuda_emulation::position.grid_size)

inline void __syncthreads(
    std::source_location site = std::source_location::current()) {
  ::cuda_emulation::Syncthreads(site);
}
inline int __syncthreads_or(
    int holds, std::source_location site = std::source_location::current()) {
  return ::cuda_emulation::SyncthreadsOr(holds != 0, site) ? 1 : 0;
}
inline void __syncwarp(
    unsigned = 0xffffffff,
    std::source_location site = std::source_location::current()) {
  ::cuda_emulation::Syncwarp(site);
}
// T: 32 bits.
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask, int = 32,
                  std::source_location site = std::source_location::current()) {
  static_assert(sizeof(T) == sizeof(uint32_t));
  const auto lane = (threadIdx.x + blockDim.x * threadIdx.y) % 32;
  return __builtin_bit_cast(
      T, ::cuda_emulation::Exchange(__builtin_bit_cast(uint32_t, value),
                                    lane ^ static_cast<unsigned>(mask), site));
}

#endif  // HAWSER_TESTS_CUDA_EMULATION_INCLUDE_CUDA_RUNTIME_H_
