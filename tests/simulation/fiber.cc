#include "tests/simulation/fiber.h"

#include <utility>

#include "glog/logging.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace hawser::simulation {
namespace {

struct Killed {};

Fiber* current = nullptr;

// Tell the address sanitizer which stack comes next, and that it has come.
void LeaveStack([[maybe_unused]] void** kept,
                [[maybe_unused]] const void* next_stack,
                [[maybe_unused]] size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(kept, next_stack, bytes);
#endif
}
void ArriveOnStack([[maybe_unused]] void* kept,
                   [[maybe_unused]] const void** last_stack,
                   [[maybe_unused]] size_t* bytes) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(kept, last_stack, bytes);
#endif
}

}  // namespace

Fiber::Fiber(std::function<void()> body, StackPool* stacks)
    : body_(std::move(body)), stacks_(stacks) {}

Fiber::~Fiber() { CHECK(finished_) << "a fiber is destroyed while it runs"; }

Fiber* Fiber::Current() { return current; }

void Fiber::Enter() {
  Fiber* self = current;
  ArriveOnStack(nullptr, &self->resumer_stack_, &self->resumer_stack_bytes_);
  try {
    self->body_();
  } catch (const Killed&) {
  }
  self->SwitchOut(/*for_good=*/true);
}

void Fiber::Resume() {
  CHECK(!finished_);
  if (stack_ == nullptr) {
    stack_ = stacks_->Take();
    left_ = NewStack(stack_, StackPool::kBytes, &Fiber::Enter);
  }
  SwitchIn();
}

void Fiber::SwitchIn() {
  resumer_ = std::exchange(current, this);
  void* kept = nullptr;
  LeaveStack(&kept, stack_, StackPool::kBytes);
  SwitchStacks(&resumer_left_, left_);
  ArriveOnStack(kept, nullptr, nullptr);
  current = resumer_;
  if (finished_) Finish();
}

void Fiber::SwitchOut(bool for_good) {
  finished_ = for_good;
  void* kept = nullptr;
  LeaveStack(for_good ? nullptr : &kept, resumer_stack_, resumer_stack_bytes_);
  SwitchStacks(&left_, resumer_left_);
  ArriveOnStack(kept, &resumer_stack_, &resumer_stack_bytes_);
}

void Fiber::Finish() {
  stacks_->Return(std::exchange(stack_, nullptr));
  body_ = nullptr;
}

void Fiber::ParkInDestructor() {
  CHECK(current != nullptr) << "only a fiber can wait";
  if (!current->killed_) current->SwitchOut(/*for_good=*/false);
}

void Fiber::Park() {
  ParkInDestructor();
  Fiber* self = current;
  if (!self->killed_ || self->unwinding_) return;
  self->unwinding_ = true;
  throw Killed();
}

void Fiber::Kill() {
  if (finished_) return;
  CHECK(current != this);
  killed_ = true;
  if (stack_ == nullptr) {
    finished_ = true;
    body_ = nullptr;
    return;
  }
  SwitchIn();
  CHECK(finished_) << "a killed fiber has caught its end";
}

}  // namespace hawser::simulation
