#include "tests/cuda_emulation/device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "tests/cuda_emulation/block.h"
#include "tests/cuda_emulation/memory.h"

namespace cuda_emulation {

// What an event waits for: the work that was in its stream when it was
// recorded.
class Event {
 public:
  uint64_t recorded = 0;  // how many times
  uint64_t done = 0;      // the last of them whose work is done
};

class Stream {
 public:
  // Work, or (with an event) a wait until it is `until`.
  struct Entry {
    std::function<void()> work;
    std::shared_ptr<Event> event;
    uint64_t until = 0;
  };
  bool CanGoOn() const {
    return !entries.empty() &&
           (entries.front().event == nullptr ||
            entries.front().event->done >= entries.front().until);
  }
  std::deque<Entry> entries;
};

namespace {

constexpr size_t kMostShared = 227 << 10;  // of a block, as an H100
constexpr size_t kShared = 48 << 10;       // unless a kernel asks for more
constexpr unsigned kMostThreads = 1024;
// Work that a stream holds back at most.
constexpr size_t kMostEntries = 1024;
constexpr size_t kMemory = size_t{1} << 30;
constexpr int kVersion = 13000;  // of the CUDA that is emulated

struct Device {
  Device() {
    memory.set_size(kMemory);
    const char* operations = std::getenv("HAWSER_EMULATED_OPERATIONS");
    if (operations != nullptr) operations_left = std::atoll(operations);
    const char* seed = std::getenv("HAWSER_EMULATED_SEED");
    if (seed != nullptr) random.seed(std::strtoull(seed, nullptr, 10));
  }

  std::mutex mutex;
  Memory memory;
  std::mt19937_64 random{1};
  hawser::simulation::StackPool stacks;
  std::vector<std::unique_ptr<Stream>> streams;
  std::map<const Event*, std::shared_ptr<Event>> events;
  std::map<const char*, size_t> pinned;
  std::map<const void*, size_t> shared_limits;
  int driver = kVersion;
  int devices = 1;
  int64_t operations_left = -1;
  cudaError_t error = cudaSuccess;
  std::string why;

  void FailWith(cudaError_t what, const std::string& reason) {
    if (error != cudaSuccess) return;
    error = what;
    why = reason;
    for (const auto& stream : streams) stream->entries.clear();
  }

  // One piece of work of some stream, drawn. False: there is none to do.
  bool Step() {
    std::vector<Stream*> ready;
    for (const auto& stream : streams) {
      if (stream->CanGoOn()) ready.push_back(stream.get());
    }
    if (ready.empty()) return false;
    Stream* stream = ready[random() % ready.size()];
    const Stream::Entry entry = std::move(stream->entries.front());
    stream->entries.pop_front();
    if (entry.event != nullptr) return true;
    if (operations_left == 0) {
      FailWith(cudaErrorDevicesUnavailable, "the device is lost");
      return true;
    }
    if (operations_left > 0) --operations_left;
    entry.work();
    return true;
  }

  template <typename Done>
  cudaError_t WorkUntil(Done done) {
    while (error == cudaSuccess && !done()) {
      if (!Step()) {
        FailWith(cudaErrorLaunchFailure,
                 "somebody waits for an event that never comes");
      }
    }
    return error;
  }

  bool IsPinned(const void* host, size_t bytes) const {
    const auto* first = static_cast<const char*>(host);
    auto piece = pinned.upper_bound(first);
    if (piece == pinned.begin()) return false;
    --piece;
    return first + bytes <= piece->first + piece->second;
  }
};

// Never destroyed: threads may use it until the process ends.
Device& TheDevice() {
  static auto* device = new Device;
  return *device;
}

using Lock = std::lock_guard<std::mutex>;

cudaError_t Add(Device& device, cudaStream_t stream, Stream::Entry entry) {
  if (device.error != cudaSuccess) return device.error;
  if (stream == nullptr) return cudaErrorInvalidValue;  // nothing uses it
  stream->entries.push_back(std::move(entry));
  if (stream->entries.size() < kMostEntries) return cudaSuccess;
  return device.WorkUntil(
      [&] { return stream->entries.size() < kMostEntries / 2; });
}

}  // namespace

void SetSeed(uint64_t seed) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  device.random.seed(seed);
}

void SetMemory(size_t bytes) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  device.memory.set_size(bytes == 0 ? kMemory : bytes);
}

size_t MemoryInUse() {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  return device.memory.in_use();
}

void SetHost(int driver, int devices) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  device.driver = driver;
  device.devices = devices;
}

void LoseDeviceAfter(int64_t operations) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  device.operations_left = operations;
}

std::string Failure() {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  return device.why;
}

void Reset() {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  for (const auto& stream : device.streams) stream->entries.clear();
  device.operations_left = -1;
  device.error = cudaSuccess;
  device.why.clear();
}

cudaError_t Enqueue(cudaStream_t stream, std::function<void()> work) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  return Add(device, stream, {std::move(work), nullptr, 0});
}

bool IsDeviceMemory(const void* memory) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  return memory == nullptr || device.memory.Has(memory, 0);
}

uintptr_t Moved(const void* memory) {
  return reinterpret_cast<uintptr_t>(TheDevice().memory.Inside(memory));
}

cudaError_t LaunchThreads(const void* address, dim3 grid, dim3 block,
                          size_t shared_bytes, cudaStream_t stream, bool fit,
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
  if (!fit) {
    device.FailWith(cudaErrorIllegalAddress,
                    "a kernel is given memory of the host, or what is not "
                    "memory any more");
    return device.error;
  }
  return Add(device, stream,
             {[=, &device] {
                Block one(block, shared_bytes, kernel, &device.random,
                          &device.stacks);
                std::vector<dim3> blocks;
                for (unsigned z = 0; z < grid.z; ++z) {
                  for (unsigned y = 0; y < grid.y; ++y) {
                    for (unsigned x = 0; x < grid.x; ++x)
                      blocks.emplace_back(x, y, z);
                  }
                }
                std::shuffle(blocks.begin(), blocks.end(), device.random);
                for (const dim3& each : blocks) {
                  const std::string wrong = one.Run(each, grid);
                  if (wrong.empty()) continue;
                  device.FailWith(cudaErrorLaunchFailure, wrong);
                  return;
                }
              },
              nullptr, 0});
}

}  // namespace cuda_emulation

using cuda_emulation::Event;
using cuda_emulation::Lock;
using cuda_emulation::Stream;
using cuda_emulation::TheDevice;

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorDevicesUnavailable:
      return "cudaErrorDevicesUnavailable";
  }
  return "an unknown error";
}

const char* cudaGetErrorString(cudaError_t error) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  return error == device.error && !device.why.empty() ? device.why.c_str()
                                                      : cudaGetErrorName(error);
}

cudaError_t cudaGetLastError() {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  return device.error;
}

cudaError_t cudaDriverGetVersion(int* version) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  *version = device.driver;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = cuda_emulation::kVersion;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  *count = device.devices;
  if (device.driver < cuda_emulation::kVersion) {
    return cudaErrorInsufficientDriver;
  }
  return device.devices == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t cudaSetDevice(int number) {
  return number == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int number) {
  if (number != 0) return cudaErrorInvalidDevice;
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  *properties = cudaDeviceProp();
  std::strcpy(properties->name, "emulated device");
  properties->major = 8;
  properties->multiProcessorCount = 1;
  properties->totalGlobalMem = device.memory.size();
  properties->sharedMemPerBlockOptin = cuda_emulation::kMostShared;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  *total = device.memory.size();
  *free = *total - std::min(*total, device.memory.in_use());
  return device.error;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.error != cudaSuccess) return device.error;
  *memory = device.memory.Allocate(bytes);
  return *memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

// Waits for all work, as CUDA's does.
cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.error == cudaSuccess) {
    device.WorkUntil([&] {
      return std::all_of(
          device.streams.begin(), device.streams.end(),
          [](const auto& stream) { return stream->entries.empty(); });
    });
  }
  std::string why;
  if (!device.memory.Free(memory, &why)) return cudaErrorInvalidValue;
  if (!why.empty()) device.FailWith(cudaErrorIllegalAddress, why);
  return device.error;
}

cudaError_t cudaHostRegister(void* memory, size_t bytes, unsigned) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (memory == nullptr || bytes == 0) return cudaErrorInvalidValue;
  device.pinned[static_cast<char*>(memory)] = bytes;
  return device.error;
}

cudaError_t cudaHostUnregister(void* memory) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  const bool was = device.pinned.erase(static_cast<char*>(memory)) == 1;
  return was ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes,
                            cudaMemcpyKind kind, cudaStream_t stream) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.error != cudaSuccess) return device.error;
  const bool to_device = kind != cudaMemcpyDeviceToHost;
  const bool from_device = kind != cudaMemcpyHostToDevice;
  if (device.memory.Has(to, bytes) != to_device ||
      device.memory.Has(from, bytes) != from_device) {
    device.FailWith(cudaErrorInvalidValue,
                    "a copy's memory is not where the copy says");
    return device.error;
  }
  if (kind == cudaMemcpyHostToDevice && !device.IsPinned(from, bytes)) {
    // Out of memory that is not pinned, what is there now is copied.
    const auto* first = static_cast<const char*>(from);
    auto staged = std::make_shared<std::vector<char>>(first, first + bytes);
    to = device.memory.Inside(to);
    return Add(device, stream,
               {[=] { std::memcpy(to, staged->data(), bytes); }, nullptr, 0});
  }
  void* const host = to;
  if (to_device) to = device.memory.Inside(to);
  if (from_device) from = device.memory.Inside(from);
  const cudaError_t added =
      Add(device, stream, {[=] { std::memcpy(to, from, bytes); }, nullptr, 0});
  if (added != cudaSuccess || kind != cudaMemcpyDeviceToHost ||
      device.IsPinned(host, bytes)) {
    return added;
  }
  // Into memory that is not pinned, the copy is done when the call returns.
  return device.WorkUntil([&] { return stream->entries.empty(); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  device.streams.push_back(std::make_unique<Stream>());
  *stream = device.streams.back().get();
  return device.error;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.error == cudaSuccess) {
    device.WorkUntil([&] { return stream->entries.empty(); });
  }
  std::erase_if(device.streams,
                [&](const auto& each) { return each.get() == stream; });
  return device.error;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  return device.WorkUntil([&] { return stream->entries.empty(); });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event,
                                unsigned) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  return Add(device, stream, {nullptr, device.events[event], event->recorded});
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  auto made = std::make_shared<Event>();
  *event = made.get();
  device.events[made.get()] = std::move(made);
  return device.error;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  device.events.erase(event);
  return device.error;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  const std::shared_ptr<Event> recorded = device.events[event];
  const uint64_t number = ++recorded->recorded;
  return Add(device, stream, {[=] { recorded->done = number; }, nullptr, 0});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  const uint64_t recorded = event->recorded;
  return device.WorkUntil([&] { return event->done >= recorded; });
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute,
                                 int value) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (value < 0 || static_cast<size_t>(value) > cuda_emulation::kMostShared) {
    return cudaErrorInvalidValue;
  }
  device.shared_limits[kernel] = static_cast<size_t>(value);
  return device.error;
}
