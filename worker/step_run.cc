#include "worker/step_run.h"

#include "common/status_macros.h"
#include "glog/logging.h"
#include "worker/arriving_layers.h"

namespace hawser {

// What happens layer by layer in the last micro-batch.
class StepRun::Layers : public ArrivingLayers {
 public:
  // push: what is known of the sum that the micro-batch completes.
  Layers(StepRun* run, uint32_t micro_batch, ParameterClient::StepPush* push)
      : ArrivingLayers(run->client_, run->clock_),
        run_(run),
        micro_batch_(micro_batch),
        push_(push) {}

  void GradientDone(int layer) override {
    if (!status().ok()) return;
    const LayerShape& shape = run_->plan_.layers(layer);
    push_->gradient =
        run_->sum_.AddRange(micro_batch_, static_cast<int64_t>(shape.offset()),
                            static_cast<int64_t>(shape.elements()));
    // Layer 0 goes with the sums over the samples.
    if (layer == 0) return;
    run_->client_->PushLayer(static_cast<uint32_t>(layer), *push_);
  }

 private:
  StepRun* const run_;
  const uint32_t micro_batch_;
  ParameterClient::StepPush* const push_;
};

StepRun::StepRun(const Plan& plan, StepWork* work, ParameterClient* client,
                 const Clock* clock, SharedMemory* memory)
    : plan_(plan),
      work_(work),
      client_(client),
      clock_(clock),
      codecs_(plan.spec()),
      sum_(plan.spec().schedule().micro_batches(),
           static_cast<int64_t>(plan.parameters()), &codecs_, memory) {}

absl::StatusOr<absl::Duration> StepRun::Do(uint64_t step, uint32_t first,
                                           uint32_t last, const float* theta,
                                           Answer answer) {
  CHECK_LT(first, last);
  const absl::Time start = clock_->Now();
  absl::Duration waited;
  sum_.Clear();
  for (uint32_t m = first; m + 1 < last; ++m) {
    ArrivingLayers layers(client_, clock_);
    const SampleSums sums =
        work_->MicroBatch(step, m, theta, sum_.Next(), &layers);
    RETURN_IF_ERROR(layers.status());
    waited += layers.waited();
    const TraceSpan span(work_->ScopeOf(step), SPAN_MERGE);
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
  push.next = answer.next;
  Layers layers(this, m, &push);
  const SampleSums sums =
      work_->MicroBatch(step, m, theta, sum_.Next(), &layers);
  RETURN_IF_ERROR(layers.status());
  waited += layers.waited();
  const absl::Duration computed = clock_->Now() - start - waited;
  sum_.AddRanges(m, sums);
  push.sums = sum_.partials().back().sums;
  client_->PushLayer(0, push);
  return computed;
}

}  // namespace hawser
