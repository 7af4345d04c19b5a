// The emulated device: its memory, its streams and its errors. What a test may
// ask of it beyond CUDA's own calls.
//
// What it is strict about, where a GPU may or may not notice:
//   - memory of the device lies apart: the host cannot touch it (SIGSEGV), and
//     a kernel is given no pointer to memory of the host
//   - new memory, and a block's shared memory, is NaN
//   - what is beyond a piece of memory is watched: by AddressSanitizer, or by
//     guards that are looked at when the memory is freed
//   - streams are lazy: work is done when somebody waits for it, in an order
//     between streams that a seed draws; so are threads of a block
//   - a barrier that not all threads of a block reach is an error
//   - a graph has the addresses and numbers of its capture: one whose memory
//     was freed is an error, and so is what may not be captured
//
// Thread-safe: one lock, one device.
#ifndef HAWSER_TESTS_CUDA_EMULATION_DEVICE_H_
#define HAWSER_TESTS_CUDA_EMULATION_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/cuda_emulation/include/cuda_runtime.h"

namespace cuda_emulation {

// Of the order of threads, blocks and streams; the same seed, the same order.
// For whole programs: so says the environment's HAWSER_EMULATED_SEED, else 1.
void SetSeed(uint64_t seed);

// How much memory the device has; 0: what it has without being told, 1 GiB.
void SetMemory(size_t bytes);
size_t MemoryInUse();

// How the host is equipped: 1000 * major + 10 * minor of the driver's CUDA (0:
// there is no driver), and how many devices.
void SetHost(int driver, int devices);

// The device is lost after so many more operations of its streams; negative:
// never. Every call fails from then on. For whole programs: so says the
// environment's HAWSER_EMULATED_OPERATIONS.
void LoseDeviceAfter(int64_t operations);

// What went wrong since Reset, in words; empty: nothing. Any error stays, as
// CUDA's do, until the "process" starts anew by Reset, which forgets all work.
std::string Failure();
void Reset();

// What the process has asked of the device since it began.
struct Counts {
  int64_t allocations = 0;  // memory, pinned memory, events, streams
  int64_t graphs = 0;       // made
  int64_t graph_launches = 0;
  int64_t bytes_in = 0;  // copied to the device
  int64_t bytes_out = 0;
};
Counts CountsSoFar();

// For the other parts of the emulation: work of a stream, in order. memory: of
// the device, that it uses.
cudaError_t Enqueue(cudaStream_t stream, std::vector<const void*> memory,
                    std::function<void()> work);

}  // namespace cuda_emulation

#endif  // HAWSER_TESTS_CUDA_EMULATION_DEVICE_H_
