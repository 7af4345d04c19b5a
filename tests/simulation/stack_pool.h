// Stacks for fibers: 256 KiB each, below each a page that may not be touched,
// so that an overflow is a crash and not a riddle. They are used again, since
// a simulation starts and ends many fibers.
//
// Not thread-safe. Outlives the fibers.
#ifndef HAWSER_TESTS_SIMULATION_STACK_POOL_H_
#define HAWSER_TESTS_SIMULATION_STACK_POOL_H_

#include <cstddef>
#include <vector>

namespace hawser::simulation {

class StackPool {
 public:
  static constexpr size_t kBytes = 256 << 10;

  StackPool() = default;
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  // The lowest address of kBytes bytes.
  char* Take();
  void Return(char* stack) { free_.push_back(stack); }

 private:
  std::vector<char*> all_;
  std::vector<char*> free_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_STACK_POOL_H_
