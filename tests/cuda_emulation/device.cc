#include "tests/cuda_emulation/device.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/cuda_emulation/device_state.h"

namespace cuda_emulation {
namespace {

// Work that a stream holds back at most.
constexpr size_t kMostEntries = 1024;
constexpr size_t kMemory = size_t{1} << 30;

}  // namespace

Device::Device() : driver(kVersion) {
  memory.set_size(kMemory);
  const char* operations = std::getenv("HAWSER_EMULATED_OPERATIONS");
  if (operations != nullptr) operations_left = std::atoll(operations);
  const char* seed = std::getenv("HAWSER_EMULATED_SEED");
  if (seed != nullptr) random.seed(std::strtoull(seed, nullptr, 10));
}

void Device::FailWith(cudaError_t what, const std::string& reason) {
  if (error != cudaSuccess) return;
  error = what;
  why = reason;
  for (const auto& stream : streams) stream->entries.clear();
}

bool Device::Step() {
  std::vector<Stream*> ready;
  for (const auto& stream : streams) {
    if (stream->CanGoOn()) ready.push_back(stream.get());
  }
  if (ready.empty()) return false;
  Stream* stream = ready[random() % ready.size()];
  const Entry entry = std::move(stream->entries.front());
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

cudaError_t Device::Add(Stream* stream, Entry entry) {
  if (error != cudaSuccess) return error;
  if (stream == nullptr) return cudaErrorInvalidValue;  // nothing uses it
  if (stream->capture != nullptr) {
    stream->capture->entries.push_back(std::move(entry));
    return cudaSuccess;
  }
  stream->entries.push_back(std::move(entry));
  if (stream->entries.size() < kMostEntries) return cudaSuccess;
  return WorkUntil([&] { return stream->entries.size() < kMostEntries / 2; });
}

cudaError_t Device::NotInCapture(const char* what) {
  if (error != cudaSuccess) return error;
  for (const auto& stream : streams) {
    if (stream->capture == nullptr) continue;
    FailWith(cudaErrorStreamCaptureUnsupported,
             absl::StrCat(what, " while a stream is captured"));
  }
  return error;
}

bool Device::AllIdle() const {
  return std::all_of(streams.begin(), streams.end(), [](const auto& stream) {
    return stream->entries.empty();
  });
}

bool Device::IsPinned(const void* host, size_t bytes) const {
  const auto* first = static_cast<const char*>(host);
  auto piece = pinned.upper_bound(first);
  if (piece == pinned.begin()) return false;
  --piece;
  return first + bytes <= piece->first + piece->second;
}

// Never destroyed: threads may use it until the process ends.
Device& TheDevice() {
  static auto* device = new Device;
  return *device;
}

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

Counts CountsSoFar() {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  return device.counts;
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
  for (const auto& stream : device.streams) {
    stream->entries.clear();
    stream->capture.reset();
  }
  device.operations_left = -1;
  device.error = cudaSuccess;
  device.why.clear();
}

cudaError_t Enqueue(cudaStream_t stream, std::vector<const void*> memory,
                    std::function<void()> work) {
  Device& device = TheDevice();
  const Lock lock(device.mutex);
  return device.Add(stream, {std::move(work), nullptr, 0, std::move(memory)});
}

}  // namespace cuda_emulation
