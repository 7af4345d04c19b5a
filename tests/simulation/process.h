// A process of the simulated cluster: a program, the fibers that are its
// threads, and its own clock, which may run wrong. It is what its drivers get
// as Threads and as Clock.
//
//   (down) --Boot--> up --Pause--> paused --Continue--> up
//   up or paused --Crash (kill -9)--> (down)
//
// Whatever happens to it comes as a task on the timeline (Post). After a task
// its parked fibers are looked at, its own alone, in the order in which they
// were started, until none can go on. A task that comes while the process is
// paused or busy waits; one of an earlier life is dropped.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_PROCESS_H_
#define HAWSER_TESTS_SIMULATION_PROCESS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/clock.h"
#include "common/threads.h"
#include "tests/simulation/event_log.h"
#include "tests/simulation/fiber.h"
#include "tests/simulation/stack_pool.h"
#include "tests/simulation/timeline.h"

namespace hawser::simulation {

// What all processes of a cluster share. Outlives them.
struct World {
  Timeline* timeline;
  EventLog* log;
  StackPool* stacks;
};

// What a process is made of. Destroyed when it crashes, after its fibers: its
// destructors find a process that is down, whose seams do nothing.
class Program {
 public:
  virtual ~Program() = default;
};

class Process : public Threads, public Clock {
 public:
  Process(const World& world, uint32_t number, std::string name)
      : world_(world), number_(number), name_(std::move(name)) {}
  ~Process() override { Crash(); }

  uint32_t number() const { return number_; }
  const std::string& name() const { return name_; }

  // --- Life ---

  void Boot(const std::function<std::unique_ptr<Program>()>& make);
  void Crash();  // changes nothing when it is down
  void Pause() { paused_ = true; }
  void Continue();
  bool up() const { return up_; }
  bool paused() const { return paused_; }
  Program* program() { return program_.get(); }  // null: down
  // How often it was booted.
  uint64_t life() const { return life_; }

  // Runs the task at that time, if the present life lasts till then.
  void Post(absl::Time time, Timeline::Task task);

  // The process does nothing else for so long (a slow disk); what it sends
  // leaves when that is over.
  void StayBusy(absl::Duration duration);
  // When that is; not before now.
  absl::Time FreeAt() const;

  // --- What it costs ---

  // The time of a real processor that the process takes, and the calls it
  // serves. Nothing in the simulation depends on it.
  struct Meter {
    double processor_seconds = 0;
    uint64_t messages = 0;
  };
  // Outlives the process.
  void SetMeter(Meter* meter) { meter_ = meter; }
  void CountMessage() {
    if (meter_ != nullptr) ++meter_->messages;
  }

  // --- Its clock ---

  // From now on it gains `rate` seconds a second; timeouts go by it, too.
  void SetClockRate(double rate);
  void JumpClock(absl::Duration by) { local_ += by; }
  absl::Time Now() const override;

  // --- Its threads ---

  // They run once the present task is over.
  std::unique_ptr<Thread> Start(std::function<void()> body) override;
  bool AwaitFor(absl::Mutex* mutex, const absl::Condition& condition,
                absl::Duration timeout) override;
  void Sleep(absl::Duration duration) override;
  // Parks the current fiber, one of this process, until ready() holds or the
  // time has passed, by this clock: false if it does not hold then. In a
  // process that is down it returns false at once.
  bool WaitFor(absl::FunctionRef<bool()> ready, absl::Duration timeout);

 private:
  struct Strand;
  class StrandHandle;

  Strand* CurrentStrand();
  void Run(Timeline::Task& task, absl::Time now);
  void Settle();
  bool ResumeReady();
  void Expire(uint64_t wait);
  void Finish(Strand* strand);

  const World world_;
  const uint32_t number_;
  const std::string name_;

  Meter* meter_ = nullptr;
  bool up_ = false;
  bool paused_ = false;
  bool settling_ = false;
  uint64_t life_ = 0;
  uint64_t waits_ = 0;
  absl::Time busy_until_ = absl::InfinitePast();
  std::deque<Timeline::Task> postponed_;  // while paused
  std::unique_ptr<Program> program_;
  std::vector<std::shared_ptr<Strand>> strands_;  // in order of their start

  double rate_ = 1;
  absl::Time rate_since_ = absl::InfinitePast();  // InfinitePast: always
  absl::Duration local_;  // ahead of the timeline, at rate_since_
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_PROCESS_H_
