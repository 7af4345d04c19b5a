#include "server/state/epoch_sums.h"

#include "common/metrics_proto.h"

namespace hawser {

void EpochSums::GoOn(uint64_t epoch, uint64_t epoch_first_step,
                     const SampleSums& sums) {
  first_epoch_ = epoch;
  epochs_.push_back({epoch_first_step, sums});
  told_ = step_;
}

void EpochSums::Add(uint64_t epoch, const SampleSums& sums) {
  if (epochs_.empty()) first_epoch_ = epoch;
  if (epoch >= first_epoch_ + epochs_.size()) epochs_.push_back({step_, {}});
  epochs_.back().sums += sums;
  ++step_;
  if (epochs_.size() <= kMaxEpochs) return;
  epochs_.pop_front();
  ++first_epoch_;
  forgotten_ = true;
}

EpochSumsState EpochSums::Export() const {
  EpochSumsState state;
  state.set_step(step_);
  state.set_first_epoch(first_epoch_);
  state.set_forgotten(forgotten_);
  for (const Epoch& epoch : epochs_) {
    StepSums* sums = state.add_epochs();
    sums->set_step(epoch.first_step);
    sums->set_loss_nanonats(epoch.sums.loss_nanonats);
    sums->set_correct(epoch.sums.correct);
    sums->set_samples(epoch.sums.samples);
  }
  return state;
}

void EpochSums::Restore(const EpochSumsState& state) {
  step_ = state.step();
  first_epoch_ = state.first_epoch();
  forgotten_ = state.forgotten();
  epochs_.clear();
  for (const StepSums& sums : state.epochs()) {
    epochs_.push_back(
        {sums.step(), {sums.loss_nanonats(), sums.correct(), sums.samples()}});
  }
  TellAgain();
}

StepsDone EpochSums::TakeNews() {
  StepsDone news;
  if (epochs_.empty() || told_ == step_) return news;
  // The first epoch that has steps which have not been told.
  size_t first = epochs_.size() - 1;
  while (first > 0 && epochs_[first].first_step > told_) --first;
  news.set_step(step_);
  news.set_first_step(epochs_[first].first_step);
  news.set_first_epoch(first_epoch_ + first);
  news.set_forgotten(forgotten_ && first == 0);
  for (size_t i = first; i < epochs_.size(); ++i) {
    *news.add_per_epoch() = ToProto(epochs_[i].sums);
  }
  told_ = step_;
  return news;
}

}  // namespace hawser
