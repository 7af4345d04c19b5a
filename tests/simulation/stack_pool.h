// Stacks for fibers: 256 KiB each, below each a page that may not be touched,
// so that an overflow is a crash and not a riddle. They are used again, since
// a simulation starts and ends many fibers.
//
// Linux maps some 65,000 ranges in a process, and a stack with its page is two:
// beyond kMaxGuarded stacks an overflow is found when the stack is returned, by
// a word at its end that has changed.
//
// Not thread-safe. Outlives the fibers.
#ifndef HAWSER_TESTS_SIMULATION_STACK_POOL_H_
#define HAWSER_TESTS_SIMULATION_STACK_POOL_H_

#include <cstddef>
#include <utility>
#include <vector>

namespace hawser::simulation {

class StackPool {
 public:
  static constexpr size_t kBytes = 256 << 10;
  static constexpr size_t kMaxGuarded = 10000;

  StackPool() = default;
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  // The lowest address of kBytes bytes.
  char* Take();
  void Return(char* stack);

 private:
  void AddGuarded();
  void AddMany();

  size_t stacks_ = 0;
  std::vector<std::pair<char*, size_t>> mapped_;
  std::vector<char*> free_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_STACK_POOL_H_
