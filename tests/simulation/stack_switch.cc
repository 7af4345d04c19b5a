#include "tests/simulation/stack_switch.h"

#include <cstdint>
#include <cstring>

#if !defined(__x86_64__) || !defined(__linux__)
#error "a stack switch is written for x86-64 under Linux alone"
#endif

// What a function must leave as it was (System V ABI) goes on the stack that is
// left, and comes from the one that is next.
extern "C" void hawser_switch_stacks(void** left, void* next);
asm(R"(
    .text
    .p2align 4
    .globl hawser_switch_stacks
    .type hawser_switch_stacks, @function
hawser_switch_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size hawser_switch_stacks, .-hawser_switch_stacks
)");

namespace hawser::simulation {

StackPointer NewStack(char* stack, size_t bytes, void (*entry)()) {
  constexpr uintptr_t kAlignment = 16;
  constexpr size_t kRegisters = 6;
  const uintptr_t end =
      (reinterpret_cast<uintptr_t>(stack) + bytes) / kAlignment * kAlignment;
  // From the end: where entry would return to (nowhere), entry, registers.
  auto* words = reinterpret_cast<void**>(end) - kRegisters - 2;
  std::memset(words, 0, (kRegisters + 2) * sizeof(void*));
  words[kRegisters] = reinterpret_cast<void*>(entry);
  return words;
}

void SwitchStacks(StackPointer* left, StackPointer next) {
  hawser_switch_stacks(left, next);
}

}  // namespace hawser::simulation
