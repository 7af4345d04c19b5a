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
                                           uint32_t last, Parameters theta,
                                           Answer answer) {
  CHECK_LT(first, last);
  const absl::Time start = clock_->Now();
  absl::Duration waited;
  sum_.Clear();
  bool is_void = false;
  const bool early = work_->MayPushEarly();
  for (uint32_t m = first; m + (early ? 1 : 0) < last; ++m) {
    ArrivingLayers layers(client_, clock_);
    float* const gradient = sum_.Next();
    StepWork::Computed computed =
        work_->MicroBatch(step, m, theta, gradient, &layers);
    RETURN_IF_ERROR(layers.status());
    waited += layers.waited();
    ASSIGN_OR_RETURN(const bool this_is_void,
                     work_->IsVoid(step, m, &computed, gradient));
    is_void |= this_is_void;
    const TraceSpan span(work_->ScopeOf(step), SPAN_MERGE);
    sum_.Add(m, computed.sums);
  }
  if (!early) {
    const absl::Duration computed = clock_->Now() - start - waited;
    PushAll(step, is_void, answer);
    return computed;
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
  float* const gradient = sum_.Next();
  StepWork::Computed computed =
      work_->MicroBatch(step, m, theta, gradient, &layers);
  RETURN_IF_ERROR(layers.status());
  waited += layers.waited();
  const absl::Duration duration = clock_->Now() - start - waited;
  RETURN_IF_ERROR(work_->IsVoid(step, m, &computed, gradient).status());
  sum_.AddRanges(m, computed.sums);
  push.sums = sum_.partials().back().sums;
  client_->PushLayer(0, push);
  return duration;
}

void StepRun::PushAll(uint64_t step, bool is_void, Answer answer) {
  ParameterClient::StepPush push;
  push.step = step;
  push.want_acks = answer.acks;
  push.is_void = is_void;
  for (const GradientSum::Partial& partial : sum_.partials()) {
    const bool is_last = &partial == &sum_.partials().back();
    push.tree_node = partial.node;
    push.gradient = partial.gradient.get();
    push.sums = partial.sums;
    push.pull_next = is_last && answer.next_version;
    push.next = answer.next;
    client_->Push(push);
  }
}

}  // namespace hawser
