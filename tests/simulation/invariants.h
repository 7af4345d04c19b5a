// What must hold at every moment of every run, judged by what crosses the
// network alone, not by what the drivers think of themselves:
//
//   1. a job that has ended stays as it is;
//   2. (progress: by whoever runs the timeline;)
//   3. its parameters_sha256 is that of the fault-free run;
//   4. so are every epoch's sums over samples, their number included: each
//      sample counted once;
//   5. its epochs never go back, nor does its step, but once for each restart
//      of the scheduler, which is told again how far the job has come, and by a
//      roll-back, which is to its last committed checkpoint and not beyond;
//   6. a server's version of a job never falls while it holds the same
//      blocks, but to the step that a plan says to restore, from a checkpoint
//      that is committed; and every block that is sent has the bytes of its
//      version in the fault-free run;
//   7. no number is given to two processes, jobs or plans;
//   10. no job is rolled back while each of its blocks is left on a server;
//   11. where pushes are applied on arrival, each micro-batch is in each block
//      exactly once, over all roll-backs (counted_once.h)
//      (8: checkpoint_check.h; 9: audit_history.h).
//
// Of a job that is not synchronous all the way, 3 and 6 say nothing, and 4 only
// how many samples there were.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_INVARIANTS_H_
#define HAWSER_TESTS_SIMULATION_INVARIANTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/wire/frame.h"
#include "proto/plan.pb.h"
#include "proto/scheduler.pb.h"
#include "server/server_driver.h"
#include "tests/simulation/counted_once.h"
#include "tests/simulation/process.h"
#include "tests/simulation/reference.h"

namespace hawser::simulation {

class Invariants {
 public:
  // reference: null: this run becomes one.
  explicit Invariants(const Reference* reference) : reference_(reference) {}

  // --- What is seen ---
  // who: a process in one of its lives.
  void Registered(uint64_t node, const std::string& who);
  void SchedulerCrashed() { ++falls_allowed_; }
  void Accepted(uint64_t job);
  void Ordered(const Plan& plan);
  void Told(const JobStatus& status);
  void Answered(const FrameHeader& block);
  void Acknowledged(const FrameHeader& ack);
  void Serves(const Process& server, const ServerDriver& driver);

  void Fail(absl::string_view what);
  // The first that was broken.
  const std::optional<std::string>& failure() const { return failure_; }

  // The job's last status.
  const JobStatus& job() const { return job_; }
  bool ended() const;
  uint64_t incarnations() const { return plans_.size(); }
  uint64_t roll_backs() const {
    return restored_.empty() ? 0 : restored_.size() - 1;
  }

  Reference TakeReference();

 private:
  void Give(uint64_t number, absl::string_view what);
  void CheckRestored(const Plan& plan);
  void CheckNothingWasLeft(const Plan& rolled_back);
  void CheckEnd();
  void FailIf(const std::optional<std::string>& what);
  void CheckSamples();

  const Reference* const reference_;
  Reference recorded_;
  std::optional<std::string> failure_;
  JobStatus job_;
  uint64_t job_number_ = 0;
  uint64_t falls_allowed_ = 0;               // of the job's step
  std::map<uint64_t, std::string> numbers_;  // and what each was given to
  // By incarnation: what all its members were told, and the micro-batches of
  // each worker.
  std::map<uint64_t, std::string> plans_;
  std::map<uint64_t, std::map<uint64_t, std::pair<uint32_t, uint32_t>>> places_;
  std::map<uint64_t, uint64_t> restored_;  // steps, by blocks_since
  Plan newest_;                            // with blocks
  CountedOnce once_;
  struct Version {
    uint64_t life = 0;
    uint64_t blocks_since = 0;
    std::pair<uint64_t, size_t> holds;  // since which plan, how many blocks
    uint64_t step = 0;
  };
  std::map<uint32_t, Version> versions_;  // by number of the server's process
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_INVARIANTS_H_
