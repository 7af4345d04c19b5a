// The network between the processes: unary calls that are delayed, lost or
// repeated, streams that break (parameter_stream.h), and cuts between sets of
// processes that are healed later. Every choice is drawn from a seed.
//
// Calls overtake each other. What meets a cut is lost or arrives once it is
// healed. What a busy process sends leaves when it is free; if it crashes
// before, it has sent nothing.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_NETWORK_H_
#define HAWSER_TESTS_SIMULATION_NETWORK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tests/simulation/links.h"
#include "tests/simulation/process.h"
#include "tests/simulation/seeded_random.h"

namespace hawser::simulation {

// Somebody who must know of crashes and cuts: a stream.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void Crashed(const Process& process) = 0;
  virtual void Cut() = 0;
};

class Network {
 public:
  struct Conditions {
    absl::Duration least_delay = absl::Microseconds(100);
    absl::Duration most_delay = absl::Milliseconds(1);
    double late = 0;  // share of messages that take up to most_late_delay
    absl::Duration most_late_delay = absl::Milliseconds(50);
    // Of what one server has of a block, on its way to another, besides: up to.
    absl::Duration most_block_delay;
    double lost = 0;      // share of calls, before or after they are served
    double repeated = 0;  // share of calls that allow it, and of pushes
    double broken = 0;    // chance that a frame is the last of its stream
  };
  // How the caller learns that its call was lost. kReset: soon; at a cut its
  // messages wait.
  enum class Loss { kReset, kResetOrDeadline };
  // What becomes of a message that meets a cut.
  enum class AtCut { kMayBeLost, kWaits };

  // The server's side of one call. When it is destroyed unanswered (a crash),
  // the caller finds the connection reset.
  class Answer {
   public:
    using Finish =
        std::function<void(absl::Status, std::function<void()> take)>;
    // finish: tells the caller; null: it does not listen.
    Answer(Network* network, Process* server, Process* caller, AtCut at_cut,
           Finish finish);
    ~Answer();
    // take: runs at the caller before it goes on.
    static void Send(std::shared_ptr<Answer> answer, absl::Status status,
                     std::function<void()> take);

   private:
    Network* const network_;
    Process* const server_;
    const uint64_t life_;
    Process* const caller_;
    const AtCut at_cut_;
    Finish finish_;  // null: done
  };
  using Serve = std::function<void(std::shared_ptr<Answer>)>;

  Network(const World& world, const Conditions& conditions, SeededRandom random)
      : world_(world), conditions_(conditions), random_(random) {}

  // On a fiber of `from`: runs `serve` at `to`, in its process, perhaps twice,
  // and waits for the answer. UNAVAILABLE: none came.
  absl::Status Call(Process* from, Process* to, absl::string_view name,
                    absl::Duration deadline, bool may_repeat, Loss loss,
                    const Serve& serve);

  // One message that nobody answers; may be lost or repeated.
  void Notify(Process* from, Process* to, const std::function<void()>& serve);

  // Runs the task after a delay, outside of the processes.
  void Carry(Process* from, Process* to, Timeline::Task arrive,
             AtCut at_cut = AtCut::kMayBeLost);

  // A cut is named by a number of the caller's choice.
  void Cut(uint64_t cut, std::set<uint32_t> some, std::set<uint32_t> others);
  void Heal(uint64_t cut);
  bool Reaches(const Process& a, const Process& b) const;
  void WhenHealed(Process* a, Process* b, Timeline::Task task);

  void Join(const std::shared_ptr<Connection>& connection);
  // Crashes it and tells whom it was connected to.
  void Crash(Process* process);
  // Resets every stream of the process.
  void Break(const Process& process);

  absl::Duration Delay();
  // When a message of a stream that is sent at `time` arrives, if it met nobody
  // on the way that was sent before.
  absl::Time Arrival(const Process& from, const Process& to, uint64_t bytes,
                     uint64_t parameter_bytes, absl::Time time);
  // How fast processes send and receive; calls take no room.
  Links* links() { return &links_; }
  SeededRandom* random() { return &random_; }
  const Conditions& conditions() const { return conditions_; }
  const World& world() const { return world_; }

  // Nothing is carried from now on.
  void Close() { closed_ = true; }

 private:
  struct CutSets {
    std::set<uint32_t> some;
    std::set<uint32_t> others;
    bool Parts(uint32_t a, uint32_t b) const;
  };
  struct Held {
    Process* from;
    Process* to;
    Timeline::Task task;
  };
  enum class Fate { kArrives, kRequestLost, kAnswerLost, kSilence };

  Fate Draw(Loss loss);
  void Depart(Process* from, Process* to, Timeline::Task arrive, AtCut at_cut);
  void Arrive(Process* from, Process* to, Timeline::Task arrive, AtCut at_cut);
  std::vector<std::shared_ptr<Connection>> Live();

  const World world_;
  const Conditions conditions_;
  SeededRandom random_;
  Links links_;
  bool closed_ = false;
  std::map<uint64_t, CutSets> cuts_;
  std::vector<Held> held_;
  std::vector<std::weak_ptr<Connection>> connections_;
  size_t tidy_at_ = 64;  // as many connections
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_NETWORK_H_
