// Launches of kernels.
#include <algorithm>
#include <utility>
#include <vector>

#include "tests/cuda_emulation/block.h"
#include "tests/cuda_emulation/device_state.h"

namespace cuda_emulation {
namespace {

constexpr size_t kShared = 48 << 10;  // unless a kernel asks for more
constexpr unsigned kMostThreads = 1024;

}  // namespace

bool IsDeviceMemory(const void* memory) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  return memory == nullptr || device.memory.Has(memory, 0);
}

uintptr_t Moved(const void* memory) {
  return reinterpret_cast<uintptr_t>(TheDevice().memory.Inside(memory));
}

cudaError_t LaunchThreads(const void* address, dim3 grid, dim3 block,
                          size_t shared_bytes, cudaStream_t stream,
                          std::vector<const void*> memory,
                          std::function<void()> kernel) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.error != cudaSuccess) return device.error;
  const auto limit = device.shared_limits.find(address);
  const size_t most =
      limit == device.shared_limits.end() ? kShared : limit->second;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > kMostThreads || shared_bytes > most ||
      grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 ||
      grid.z > 65535 || grid.x > 0x7fffffff) {
    return cudaErrorInvalidValue;
  }
  for (const void* pointer : memory) {
    if (pointer == nullptr || device.memory.Has(pointer, 0)) continue;
    device.FailWith(cudaErrorIllegalAddress,
                    "a kernel is given memory of the host, or what is not "
                    "memory any more");
    return device.error;
  }
  return device.Add(stream, {[=, &device] {
                               Block one(block, shared_bytes, kernel,
                                         &device.random, &device.stacks);
                               std::vector<dim3> blocks;
                               for (unsigned z = 0; z < grid.z; ++z) {
                                 for (unsigned y = 0; y < grid.y; ++y) {
                                   for (unsigned x = 0; x < grid.x; ++x)
                                     blocks.emplace_back(x, y, z);
                                 }
                               }
                               std::shuffle(blocks.begin(), blocks.end(),
                                            device.random);
                               for (const dim3& each : blocks) {
                                 const std::string wrong = one.Run(each, grid);
                                 if (wrong.empty()) continue;
                                 device.FailWith(cudaErrorLaunchFailure, wrong);
                                 return;
                               }
                             },
                             nullptr, 0, std::move(memory)});
}

}  // namespace cuda_emulation
