// Going from one stack to another, as swapcontext does, but without its two
// system calls (it also keeps the mask of signals, which fibers do not change).
#ifndef HAWSER_TESTS_SIMULATION_STACK_SWITCH_H_
#define HAWSER_TESTS_SIMULATION_STACK_SWITCH_H_

#include <cstddef>

namespace hawser::simulation {

// Where a stack was left: what SwitchStacks goes on with.
using StackPointer = void*;

// A stack of so many bytes from `stack` on, on which `entry` is to begin. It
// must not return.
StackPointer NewStack(char* stack, size_t bytes, void (*entry)());

// Leaves this stack, where `left` then goes on, for `next`.
void SwitchStacks(StackPointer* left, StackPointer next);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_STACK_SWITCH_H_
