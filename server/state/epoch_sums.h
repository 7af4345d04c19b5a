// Sums over the samples of each epoch, as the server of block 0 counts them
// step by step, and what of them the scheduler has not been told.
//
// They are told whole, from the first step of an epoch that is counted here up
// to the last one: a report that is late or comes twice says nothing wrong, and
// after a restart of the scheduler all that is kept is told again.
//
//   EpochSums sums(/*first_step=*/0);
//   sums.Add(/*epoch=*/1, of_step_0);
//   sums.TakeNews();   // step 1, epoch 1
//   sums.TakeNews();   // nothing
//   sums.TellAgain();  // the scheduler may have forgotten
//   sums.TakeNews();   // step 1, epoch 1
//
// Pure: no locks, no I/O, no clock.
#ifndef HAWSER_SERVER_STATE_EPOCH_SUMS_H_
#define HAWSER_SERVER_STATE_EPOCH_SUMS_H_

#include <cstdint>
#include <deque>

#include "common/metrics.h"
#include "proto/parameter_server.pb.h"
#include "proto/scheduler.pb.h"

namespace hawser {

class EpochSums {
 public:
  // Epochs that are kept. Those before are no longer told: if the scheduler has
  // not heard of them by then, it has none of their sums.
  static constexpr size_t kMaxEpochs = 10000;

  // The steps before first_step are not counted here.
  explicit EpochSums(uint64_t first_step) : step_(first_step) {}

  // The job was rolled back to first_step, and whoever is told knows it: `sums`
  // are those of the epoch of the step before, from its first step, number
  // epoch_first_step, up to there. At most once, before anything else.
  void GoOn(uint64_t epoch, uint64_t epoch_first_step, const SampleSums& sums);

  // The next step is complete. epoch: that of the step before, or the one after
  // it; 1 is the first.
  void Add(uint64_t epoch, const SampleSums& sums);

  // Of the epoch that the last step belongs to, up to there; zeros before any.
  SampleSums LastEpoch() const {
    return epochs_.empty() ? SampleSums() : epochs_.back().sums;
  }

  // All that is kept, for another server to go on with; and there.
  EpochSumsState Export() const;
  void Restore(const EpochSumsState& state);

  // The next one.
  uint64_t step() const { return step_; }

  // What has changed since the last call; without epochs: nothing.
  StepsDone TakeNews();
  // The next TakeNews has all that is kept.
  void TellAgain() { told_ = 0; }

 private:
  struct Epoch {
    uint64_t first_step = 0;
    SampleSums sums;
  };
  uint64_t step_;
  uint64_t first_epoch_ = 0;
  std::deque<Epoch> epochs_;  // first_epoch_ and those after it
  bool forgotten_ = false;    // those before
  // Of these steps all sums have been told.
  uint64_t told_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_EPOCH_SUMS_H_
