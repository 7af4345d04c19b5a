#include "tests/simulation/process.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "glog/logging.h"

namespace hawser::simulation {
namespace {

// Fibers that go on after one task, before something must be wrong.
constexpr int kMaxResumes = 1'000'000;

// That this thread has had.
double ProcessorSeconds() {
  timespec time = {};
  PCHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

// A fiber and what it waits for.
struct Process::Strand {
  Strand(std::function<void()> body, StackPool* stacks)
      : fiber(std::move(body), stacks) {}

  Fiber fiber;
  uint64_t wait = 0;  // number of the wait; 0: it can go on
  const absl::FunctionRef<bool()>* ready = nullptr;
  bool timed_out = false;
};

class Process::StrandHandle : public Threads::Thread {
 public:
  StrandHandle(Process* process, std::shared_ptr<Strand> strand)
      : process_(process), strand_(std::move(strand)) {}
  ~StrandHandle() override { Wait(); }
  void Join() override { Wait(); }

 private:
  // Never throws, since destructors join: in a killed fiber, or outside of
  // fibers (a crash), it ends the other instead.
  void Wait() {
    const auto finished = [this] { return strand_->fiber.finished(); };
    if (finished()) return;
    Fiber* self = Fiber::Current();
    if (self != nullptr && !self->killed()) {
      const absl::FunctionRef<bool()> ready = finished;
      Strand* waiting = process_->CurrentStrand();
      waiting->wait = ++process_->waits_;
      waiting->ready = &ready;
      waiting->timed_out = false;
      Fiber::ParkInDestructor();
    }
    strand_->fiber.Kill();  // changes nothing when it has finished
  }

  Process* const process_;
  const std::shared_ptr<Strand> strand_;
};

void Process::Boot(const std::function<std::unique_ptr<Program>()>& make) {
  CHECK(!up_) << name_ << " is up already";
  up_ = true;
  paused_ = false;
  ++life_;
  world_.log->Note(name_, "boots", {{"life", life_}});
  program_ = make();
  Settle();
}

void Process::Crash() {
  if (!up_) return;
  CHECK(Fiber::Current() == nullptr && !settling_);
  world_.log->Note(name_, "crashes");
  up_ = false;
  paused_ = false;
  postponed_.clear();
  busy_until_ = absl::InfinitePast();
  for (size_t i = 0; i < strands_.size(); ++i) strands_[i]->fiber.Kill();
  strands_.clear();
  program_.reset();
}

void Process::Continue() {
  paused_ = false;
  std::deque<Timeline::Task> tasks;
  tasks.swap(postponed_);
  for (Timeline::Task& task : tasks) Run(task, world_.timeline->now());
}

void Process::Post(absl::Time time, Timeline::Task task) {
  if (!up_) return;
  world_.timeline->At(time,
                      [this, life = life_, task = std::move(task)]() mutable {
                        if (!up_ || life_ != life) return;
                        Run(task, world_.timeline->now());
                      });
}

void Process::Run(Timeline::Task& task, absl::Time now) {
  if (!up_) return;
  if (paused_) {
    postponed_.push_back(std::move(task));
    return;
  }
  if (busy_until_ > now) {
    Post(busy_until_, std::move(task));
    return;
  }
  if (meter_ == nullptr) {
    task();
    Settle();
    return;
  }
  const double start = ProcessorSeconds();
  task();
  Settle();
  meter_->processor_seconds += ProcessorSeconds() - start;
}

void Process::StayBusy(absl::Duration duration) {
  busy_until_ = FreeAt() + duration;
}

absl::Time Process::FreeAt() const {
  return std::max(busy_until_, world_.timeline->now());
}

void Process::SetClockRate(double rate) {
  local_ = Now() - world_.timeline->now();
  rate_since_ = world_.timeline->now();
  rate_ = rate;
}

absl::Time Process::Now() const {
  const absl::Time now = world_.timeline->now();
  if (rate_ == 1) return now + local_;
  return now + local_ + (rate_ - 1) * (now - rate_since_);
}

std::unique_ptr<Threads::Thread> Process::Start(std::function<void()> body) {
  auto strand = std::make_shared<Strand>(std::move(body), world_.stacks);
  if (!up_) strand->fiber.Kill();
  strands_.push_back(strand);
  return std::make_unique<StrandHandle>(this, std::move(strand));
}

bool Process::AwaitFor(absl::Mutex* mutex, const absl::Condition& condition,
                       absl::Duration timeout) {
  if (condition.Eval()) return true;
  mutex->Unlock();
  // Also when the fiber is killed: its caller unlocks.
  struct Relock {
    absl::Mutex* mutex;
    ~Relock() { mutex->Lock(); }
  };
  const Relock relock{mutex};
  return WaitFor(
      [&] {
        const absl::MutexLock lock(mutex);
        return condition.Eval();
      },
      timeout);
}

void Process::Sleep(absl::Duration duration) {
  WaitFor([] { return false; }, duration);
}

bool Process::WaitFor(absl::FunctionRef<bool()> ready, absl::Duration timeout) {
  if (!up_ && Fiber::Current() == nullptr) return false;
  Strand* self = CurrentStrand();
  self->wait = ++waits_;
  self->ready = &ready;
  self->timed_out = false;
  if (timeout < absl::Hours(24)) {
    const absl::Duration real = std::max(absl::ZeroDuration(), timeout) / rate_;
    Post(world_.timeline->now() + real,
         [this, wait = self->wait] { Expire(wait); });
  }
  Fiber::Park();
  if (!up_) return false;
  return !self->timed_out || ready();
}

Process::Strand* Process::CurrentStrand() {
  for (const auto& strand : strands_) {
    if (&strand->fiber == Fiber::Current()) return strand.get();
  }
  LOG(FATAL) << "not a fiber of " << name_;
}

void Process::Expire(uint64_t wait) {
  for (const auto& strand : strands_) {
    if (strand->wait == wait) strand->timed_out = true;
  }
}

void Process::Settle() {
  if (!up_) return;
  settling_ = true;
  for (int resumes = 0; ResumeReady(); ++resumes) {
    CHECK_LT(resumes, kMaxResumes) << name_ << " does not come to rest";
  }
  settling_ = false;
}

// Those that can go on, each once.
bool Process::ResumeReady() {
  bool any = false;
  // A fiber may start others.
  for (size_t i = 0; i < strands_.size(); ++i) {
    const std::shared_ptr<Strand> strand = strands_[i];
    if (strand->fiber.finished()) continue;
    if (strand->wait != 0 && !strand->timed_out && !(*strand->ready)()) {
      continue;
    }
    any = true;
    strand->wait = 0;
    strand->fiber.Resume();
  }
  if (any) {
    std::erase_if(strands_,
                  [](const auto& strand) { return strand->fiber.finished(); });
  }
  return any;
}

}  // namespace hawser::simulation
