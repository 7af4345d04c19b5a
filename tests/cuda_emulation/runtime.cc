// The part of the CUDA runtime that works on devices, memory, streams and
// events; see graph.cc for graphs.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/cuda_emulation/device_state.h"

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
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
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
  const cudaError_t error = device.NotInCapture("memory is asked for");
  if (error != cudaSuccess) return error;
  ++device.counts.allocations;
  *memory = device.memory.Allocate(bytes);
  return *memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

// Waits for all work, as CUDA's does.
cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.NotInCapture("memory is freed") == cudaSuccess) {
    device.WorkUntil([&] { return device.AllIdle(); });
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
  ++device.counts.allocations;
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
  const cudaError_t error = device.NotInCapture("a copy is given");
  if (error != cudaSuccess) return error;
  const bool to_device = kind != cudaMemcpyDeviceToHost;
  const bool from_device = kind != cudaMemcpyHostToDevice;
  if (device.memory.Has(to, bytes) != to_device ||
      device.memory.Has(from, bytes) != from_device) {
    device.FailWith(cudaErrorInvalidValue,
                    "a copy's memory is not where the copy says");
    return device.error;
  }
  if (kind == cudaMemcpyHostToDevice) {
    device.counts.bytes_in += static_cast<int64_t>(bytes);
  } else if (kind == cudaMemcpyDeviceToHost) {
    device.counts.bytes_out += static_cast<int64_t>(bytes);
  }
  if (kind == cudaMemcpyHostToDevice && !device.IsPinned(from, bytes)) {
    // Out of memory that is not pinned, what is there now is copied.
    const auto* first = static_cast<const char*>(from);
    auto staged = std::make_shared<std::vector<char>>(first, first + bytes);
    to = device.memory.Inside(to);
    return device.Add(
        stream, {[=] { std::memcpy(to, staged->data(), bytes); }, nullptr, 0});
  }
  void* const host = to;
  if (to_device) to = device.memory.Inside(to);
  if (from_device) from = device.memory.Inside(from);
  const cudaError_t added =
      device.Add(stream, {[=] { std::memcpy(to, from, bytes); }, nullptr, 0});
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
  ++device.counts.allocations;
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
  if (device.NotInCapture("a stream is waited for") != cudaSuccess) {
    return device.error;
  }
  return device.WorkUntil([&] { return stream->entries.empty(); });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event,
                                unsigned) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.NotInCapture("an event is to be waited for") != cudaSuccess) {
    return device.error;
  }
  return device.Add(stream, {nullptr, device.events[event], event->recorded});
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  ++device.counts.allocations;
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
  if (device.NotInCapture("an event is recorded") != cudaSuccess) {
    return device.error;
  }
  const std::shared_ptr<Event> recorded = device.events[event];
  const uint64_t number = ++recorded->recorded;
  return device.Add(stream, {[=] { recorded->done = number; }, nullptr, 0});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.NotInCapture("an event is waited for") != cudaSuccess) {
    return device.error;
  }
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
