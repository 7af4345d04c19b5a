#include "tests/simulation/stack_pool.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "glog/logging.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace hawser::simulation {
namespace {

constexpr size_t kGuardBytes = 4096;
// Stacks that are mapped together.
constexpr size_t kMany = 256;
constexpr uint64_t kEnd = 0x5ac4e0d0f57ac4e0;

char* Map(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PCHECK(memory != MAP_FAILED) << "no memory for a stack";
  return static_cast<char*>(memory);
}

}  // namespace

StackPool::~StackPool() {
  CHECK_EQ(stacks_, free_.size()) << "a fiber outlives its stack";
  for (const auto& [memory, bytes] : mapped_) munmap(memory, bytes);
}

void StackPool::AddGuarded() {
  char* memory = Map(kGuardBytes + kBytes);
  PCHECK(mprotect(memory, kGuardBytes, PROT_NONE) == 0);
  mapped_.emplace_back(memory, kGuardBytes + kBytes);
  free_.push_back(memory + kGuardBytes);
  ++stacks_;
}

void StackPool::AddMany() {
  char* memory = Map(kMany * kBytes);
  mapped_.emplace_back(memory, kMany * kBytes);
  for (size_t i = kMany; i > 0; --i) free_.push_back(memory + (i - 1) * kBytes);
  stacks_ += kMany;
}

char* StackPool::Take() {
  if (free_.empty()) {
    if (stacks_ < kMaxGuarded) {
      AddGuarded();
    } else {
      AddMany();
    }
  }
  char* stack = free_.back();
  free_.pop_back();
#ifdef __SANITIZE_ADDRESS__
  // What the frames of its last fiber have left.
  ASAN_UNPOISON_MEMORY_REGION(stack, kBytes);
#endif
  std::memcpy(stack, &kEnd, sizeof(kEnd));
  return stack;
}

void StackPool::Return(char* stack) {
  CHECK(std::memcmp(stack, &kEnd, sizeof(kEnd)) == 0)
      << "a fiber has used more than its stack";
  free_.push_back(stack);
}

}  // namespace hawser::simulation
