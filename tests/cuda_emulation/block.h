// A block of threads, run as fibers on one thread of the host, in an order that
// a random generator draws at every barrier.
//
//   not begun --Resume--> running --the kernel returns--> done
//   running --Syncthreads--> at the barrier --all others are there--> ready
//   running --Exchange, Syncwarp--> at its warp's barrier --the warp is
//     there--> ready
//   ready --drawn--> running
//
// A thread that needs no barrier shares a fiber with the ones before it.
#ifndef HAWSER_TESTS_CUDA_EMULATION_BLOCK_H_
#define HAWSER_TESTS_CUDA_EMULATION_BLOCK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <source_location>
#include <string>
#include <vector>

#include "tests/cuda_emulation/include/cuda_runtime.h"
#include "tests/simulation/fiber.h"
#include "tests/simulation/stack_pool.h"

namespace cuda_emulation {

class Block {
 public:
  // All outlive it.
  Block(dim3 size, size_t shared_bytes, const std::function<void()>& kernel,
        std::mt19937_64* random, hawser::simulation::StackPool* stacks);

  // Runs the block with this number of the grid. Returns what is wrong with the
  // kernel; empty: nothing.
  std::string Run(dim3 block, dim3 grid);

  // The block that runs.
  static Block* Current();

  void Syncthreads(std::source_location site);
  bool SyncthreadsOr(bool holds, std::source_location site);
  void Syncwarp(std::source_location site);
  uint32_t Exchange(uint32_t value, unsigned lane, std::source_location site);
  void* memory() { return shared_.get(); }

 private:
  static constexpr unsigned kWarp = 32;
  enum class State { kNotBegun, kReady, kAtBarrier, kAtWarpBarrier, kDone };
  struct Thread {
    State state = State::kNotBegun;
    hawser::simulation::Fiber* fiber = nullptr;
    std::source_location site;
    // Of the values that warps exchange, the last two: the threads of a warp
    // are at most one exchange apart.
    uint32_t exchanged[2] = {0, 0};
    unsigned exchanges = 0;
    // The same for what is asked of the whole block.
    bool holds[2] = {false, false};
    unsigned questions = 0;
  };

  void Begin();
  void RunThreads();
  void Step();
  void Park(State state, std::source_location site);
  void ReleaseBlock();
  void ReleaseWarpOf(unsigned thread);
  void SetPosition(unsigned thread);
  std::string Stuck() const;

  const dim3 size_;
  const unsigned threads_count_;
  const size_t shared_bytes_;
  const std::function<void()>& kernel_;
  std::mt19937_64* const random_;
  hawser::simulation::StackPool* const stacks_;
  std::unique_ptr<char[]> shared_;
  std::vector<Thread> threads_;
  std::vector<unsigned> not_begun_;  // the last is next
  std::vector<unsigned> ready_;
  std::vector<std::unique_ptr<hawser::simulation::Fiber>> fibers_;
  std::vector<unsigned> at_warp_barrier_;  // threads of each warp
  unsigned at_barrier_ = 0;
  unsigned done_ = 0;
  unsigned current_ = 0;
  std::string wrong_;
};

}  // namespace cuda_emulation

#endif  // HAWSER_TESTS_CUDA_EMULATION_BLOCK_H_
