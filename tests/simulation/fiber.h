// A thread of control that runs when it is told to and stops where it says:
// threads of a simulated process, all on one thread of the machine, in an order
// that the caller alone decides.
//
//   Fiber fiber([] { First(); Fiber::Park(); Second(); }, &stacks);
//   fiber.Resume();  // First
//   fiber.Resume();  // Second; fiber.finished()
//
// Kill ends a fiber wherever it is parked: Park throws an exception that
// belongs to this file, destructors run, nothing leaks. A Park in a killed
// fiber's destructors returns at once. Hence a fiber must not catch all
// exceptions, and a destructor parks by ParkInDestructor.
//
// Not thread-safe: all fibers of one thread. A fiber may resume or kill
// another.
#ifndef HAWSER_TESTS_SIMULATION_FIBER_H_
#define HAWSER_TESTS_SIMULATION_FIBER_H_

#include <functional>

#include "tests/simulation/stack_pool.h"
#include "tests/simulation/stack_switch.h"

namespace hawser::simulation {

class Fiber {
 public:
  // Starts parked. stacks outlives the fiber.
  Fiber(std::function<void()> body, StackPool* stacks);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  // Requires that it is finished.
  ~Fiber();

  // Runs it until it parks or ends. Requires that it is parked.
  void Resume();

  // Ends it. A fiber that was never resumed does not begin.
  void Kill();

  bool finished() const { return finished_; }
  bool killed() const { return killed_; }

  // The one that runs; null: none.
  static Fiber* Current();
  // Stops the current one until it is resumed.
  static void Park();
  // The same without an exception: returns also when the fiber is killed; the
  // next Park is then its end.
  static void ParkInDestructor();

 private:
  static void Enter();
  void SwitchIn();
  void SwitchOut(bool for_good);
  void Finish();

  std::function<void()> body_;
  StackPool* const stacks_;
  char* stack_ = nullptr;        // null: not begun, or finished
  StackPointer left_ = nullptr;  // its own
  StackPointer resumer_left_ = nullptr;
  Fiber* resumer_ = nullptr;
  bool finished_ = false;
  bool killed_ = false;
  bool unwinding_ = false;
  // The resumer's stack, which a sanitizer wants to know.
  const void* resumer_stack_ = nullptr;
  size_t resumer_stack_bytes_ = 0;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_FIBER_H_
