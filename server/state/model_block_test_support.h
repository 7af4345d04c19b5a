// A block as its server holds it, without the floats: which micro-batches it
// has counted, its version, its clocks, and the reads that wait for them.
#ifndef HAWSER_SERVER_STATE_MODEL_BLOCK_TEST_SUPPORT_H_
#define HAWSER_SERVER_STATE_MODEL_BLOCK_TEST_SUPPORT_H_

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "common/job/step_schedule.h"
#include "proto/plan.pb.h"
#include "server/state/push_ledger.h"
#include "server/state/run_pool.h"
#include "server/state/staleness_gate.h"

namespace hawser {

class ModelBlock {
 public:
  explicit ModelBlock(const Plan& plan);

  enum class Answer { kServed, kWaits, kPast };
  // A read, by a token above 0. Of a version, once per step.
  Answer Pull(uint64_t version, uint64_t token);
  // Of the newest parameters, by a worker that is in a phase on arrival. When
  // the block is past that phase nobody waits: there is nothing left to count.
  Answer Read(uint64_t node, size_t phase, uint64_t clock, uint64_t token);
  // Tokens that were told to wait and are served now.
  std::vector<uint64_t> Released();

  // The worker is at this clock of its phase.
  void Tick(uint64_t node, size_t phase, uint64_t clock);

  // Of one step, or on arrival. An overlap is a failed test.
  void PushToStep(Run run);
  void PushOnArrival(uint64_t node, Run run, uint64_t clock);

  // Another incarnation: nobody waits any more. Returns the step from which on
  // nothing has been counted.
  uint64_t Adopt(const Plan& plan);

  uint64_t version() const { return version_; }
  uint64_t counted() const { return counted_.size(); }

 private:
  static constexpr uint64_t kTick = 0;  // for a token: tells a clock alone

  // By a worker that is in a later phase.
  struct EarlyRead {
    uint64_t node = 0;
    size_t phase = 0;
    uint64_t clock = 0;
    uint64_t token = 0;
  };

  bool on_arrival() const;
  void EnterPhase(size_t phase);
  void ResetClocks();
  void Count(Run run);
  void ReachVersion(uint64_t version);

  uint64_t micro_batches_;
  StepSchedule schedule_;
  std::vector<uint64_t> workers_;
  size_t phase_ = 0;
  uint64_t version_ = 0;
  std::set<uint64_t> counted_;  // positions
  std::set<uint64_t> step_;     // of those, of the step in progress
  PushLedger ledger_{0};
  StalenessGate gate_;
  std::multimap<uint64_t, uint64_t> pulls_;  // version to token
  std::vector<EarlyRead> early_;
  std::vector<uint64_t> released_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_MODEL_BLOCK_TEST_SUPPORT_H_
