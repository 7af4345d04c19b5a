#include "common/threads.h"

#include <thread>
#include <utility>

#include "absl/time/clock.h"

namespace hawser {
namespace {

class RealThread : public Threads::Thread {
 public:
  explicit RealThread(std::function<void()> body) : thread_(std::move(body)) {}
  ~RealThread() override {
    if (thread_.joinable()) thread_.join();
  }
  void Join() override { thread_.join(); }

 private:
  std::thread thread_;
};

class Machine : public Threads {
 public:
  std::unique_ptr<Thread> Start(std::function<void()> body) override {
    return std::make_unique<RealThread>(std::move(body));
  }
  bool AwaitFor(absl::Mutex* mutex, const absl::Condition& condition,
                absl::Duration timeout) override {
    return mutex->AwaitWithTimeout(condition, timeout);
  }
  void Sleep(absl::Duration duration) override { absl::SleepFor(duration); }
};

}  // namespace

Threads* RealThreads() {
  static Machine* const machine = new Machine;
  return machine;
}

}  // namespace hawser
