// The state of the emulated device, for the files that emulate parts of CUDA.
//
//   a stream's work: given --Step, drawn among the streams--> done
//   a stream that is captured: its work goes to the capture instead
//
// Whoever uses TheDevice() holds its lock.
#ifndef HAWSER_TESTS_CUDA_EMULATION_DEVICE_STATE_H_
#define HAWSER_TESTS_CUDA_EMULATION_DEVICE_STATE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/cuda_emulation/device.h"
#include "tests/cuda_emulation/memory.h"
#include "tests/simulation/stack_pool.h"

namespace cuda_emulation {

// What an event waits for: the work that was in its stream when it was
// recorded.
class Event {
 public:
  uint64_t recorded = 0;  // how many times
  uint64_t done = 0;      // the last of them whose work is done
};

// Work, or (with an event) a wait until it is `until`.
struct Entry {
  std::function<void()> work;
  std::shared_ptr<Event> event;
  uint64_t until = 0;
  std::vector<const void*> memory = {};  // of the device, that it uses
};

// What was captured of a stream.
class Graph {
 public:
  std::vector<Entry> entries;
};

class ExecutableGraph {
 public:
  Graph graph;
};

class Stream {
 public:
  bool CanGoOn() const {
    return !entries.empty() &&
           (entries.front().event == nullptr ||
            entries.front().event->done >= entries.front().until);
  }
  std::deque<Entry> entries;
  std::unique_ptr<Graph> capture;  // null: it is not captured
};

struct Device {
  Device();

  // Nothing is done any more.
  void FailWith(cudaError_t what, const std::string& reason);
  // One piece of work of some stream, drawn. False: there is none to do.
  bool Step();
  // Gives work to a stream, or to its capture.
  cudaError_t Add(Stream* stream, Entry entry);
  // An error while a stream is captured, since CUDA forbids `what` then.
  cudaError_t NotInCapture(const char* what);
  bool AllIdle() const;
  bool IsPinned(const void* host, size_t bytes) const;

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

  std::mutex mutex;
  Memory memory;
  std::mt19937_64 random{1};
  hawser::simulation::StackPool stacks;
  std::vector<std::unique_ptr<Stream>> streams;
  std::map<const Event*, std::shared_ptr<Event>> events;
  std::map<const char*, size_t> pinned;
  std::map<const void*, size_t> shared_limits;
  Counts counts;
  int driver;
  int devices = 1;
  int64_t operations_left = -1;
  cudaError_t error = cudaSuccess;
  std::string why;
};

Device& TheDevice();

using Lock = std::lock_guard<std::mutex>;

inline constexpr size_t kMostShared = 227 << 10;  // of a block, as an H100
inline constexpr int kVersion = 13000;  // of the CUDA that is emulated

}  // namespace cuda_emulation

#endif  // HAWSER_TESTS_CUDA_EMULATION_DEVICE_STATE_H_
