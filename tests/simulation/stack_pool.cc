#include "tests/simulation/stack_pool.h"

#include <sys/mman.h>

#include "glog/logging.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace hawser::simulation {
namespace {

constexpr size_t kGuardBytes = 4096;

}  // namespace

StackPool::~StackPool() {
  CHECK_EQ(all_.size(), free_.size()) << "a fiber outlives its stack";
  for (char* stack : all_) munmap(stack - kGuardBytes, kGuardBytes + kBytes);
}

char* StackPool::Take() {
  if (free_.empty()) {
    void* memory = mmap(nullptr, kGuardBytes + kBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    PCHECK(memory != MAP_FAILED) << "no memory for a stack";
    PCHECK(mprotect(memory, kGuardBytes, PROT_NONE) == 0);
    all_.push_back(static_cast<char*>(memory) + kGuardBytes);
    return all_.back();
  }
  char* stack = free_.back();
  free_.pop_back();
#ifdef __SANITIZE_ADDRESS__
  // What the frames of its last fiber have left.
  ASAN_UNPOISON_MEMORY_REGION(stack, kBytes);
#endif
  return stack;
}

}  // namespace hawser::simulation
