#include "worker/step_run.h"

#include "glog/logging.h"

namespace hawser {

// What happens layer by layer in one micro-batch.
class StepRun::Push : public LayerObserver {
 public:
  // push: what is known of the sum that the micro-batch completes; null: others
  // follow it.
  Push(StepRun* run, uint32_t micro_batch, ParameterClient::StepPush* push)
      : run_(run), micro_batch_(micro_batch), push_(push) {}

  // A computation that has begun is brought to its end, whatever the parameters
  // are then: only what is pushed matters.
  void AwaitParameters(int layer) override {
    if (!status_.ok()) return;
    status_ = run_->client_->AwaitLayer(static_cast<uint32_t>(layer));
  }

  void GradientDone(int layer) override {
    if (push_ == nullptr || !status_.ok()) return;
    const LayerShape& shape = run_->plan_.layers(layer);
    push_->gradient = run_->sum_.AddRange(
        micro_batch_, static_cast<int64_t>(shape.offset()),
        static_cast<int64_t>(shape.elements()));
    // Layer 0 goes with the sums over the samples.
    if (layer == 0) return;
    run_->client_->PushLayer(static_cast<uint32_t>(layer), *push_);
  }

  const absl::Status& status() const { return status_; }

 private:
  StepRun* const run_;
  const uint32_t micro_batch_;
  ParameterClient::StepPush* const push_;
  absl::Status status_;
};

StepRun::StepRun(const Plan& plan, StepWork* work, ParameterClient* client)
    : plan_(plan),
      work_(work),
      client_(client),
      sum_(plan.spec().schedule().micro_batches(),
           static_cast<int64_t>(plan.parameters())) {}

absl::Status StepRun::Do(uint64_t step, uint32_t first, uint32_t last,
                         const float* theta, Answer answer) {
  CHECK_LT(first, last);
  sum_.Clear();
  for (uint32_t m = first; m + 1 < last; ++m) {
    Push nothing(this, m, nullptr);
    const SampleSums sums =
        work_->MicroBatch(step, m, theta, sum_.Next(), &nothing);
    if (!nothing.status().ok()) return nothing.status();
    sum_.Add(m, sums);
  }
  const uint32_t m = last - 1;
  ParameterClient::StepPush push;
  push.step = step;
  push.want_acks = answer.acks;
  for (const GradientSum::Partial& partial : sum_.PartialsBeside(m)) {
    push.tree_node = partial.node;
    push.gradient = partial.gradient.get();
    push.sums = partial.sums;
    client_->Push(push);
  }
  push.tree_node = sum_.NodeCompletedBy(m);
  push.pull_next = answer.next_version;
  Push layers(this, m, &push);
  const SampleSums sums =
      work_->MicroBatch(step, m, theta, sum_.Next(), &layers);
  if (!layers.status().ok()) return layers.status();
  sum_.AddRanges(m, sums);
  push.sums = sum_.partials().back().sums;
  client_->PushLayer(0, push);
  return absl::OkStatus();
}

}  // namespace hawser
