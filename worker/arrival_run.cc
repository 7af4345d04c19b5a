#include "worker/arrival_run.h"

#include <algorithm>

#include "common/status_macros.h"
#include "common/vector_ops.h"
#include "worker/arriving_layers.h"

namespace hawser {

// What happens layer by layer in one micro-batch.
class ArrivalRun::Layers : public ArrivingLayers {
 public:
  // push: null if the run's push is not due yet.
  Layers(ArrivalRun* run, bool is_first, const ParameterClient::RunPush* push)
      : ArrivingLayers(run->client_, run->clock_),
        run_(run),
        is_first_(is_first),
        push_(push) {}

  void GradientDone(int layer) override {
    if (!status().ok()) return;
    if (!is_first_) {
      const LayerShape& shape = run_->plan_.layers(layer);
      AddInto(run_->total_.data + shape.offset(),
              run_->gradient_.data() + shape.offset(),
              static_cast<int64_t>(shape.elements()));
    }
    // Layer 0 goes with the sums over the samples.
    if (push_ == nullptr || layer == 0) return;
    run_->client_->PushRunLayer(static_cast<uint32_t>(layer), *push_);
  }

 private:
  ArrivalRun* const run_;
  const bool is_first_;
  const ParameterClient::RunPush* const push_;
};

ArrivalRun::ArrivalRun(const Plan& plan, StepWork* work,
                       ParameterClient* client, const Clock* clock,
                       SharedMemory* memory)
    : plan_(plan),
      work_(work),
      client_(client),
      clock_(clock),
      micro_batches_(plan.spec().schedule().micro_batches()),
      memory_(memory) {}

bool ArrivalRun::MayPushEarly(const Phase& phase) const {
  return work_->MayPushEarly() &&
         phase.synchronisation().staleness_seconds() <= 0 &&
         plan_.spec().optimizer().clip_global_norm() <= 0;
}

absl::StatusOr<ArrivalRun::Outcome> ArrivalRun::Do(const RunLease& lease,
                                                   const Phase& phase,
                                                   float* theta) {
  client_->StartRead(lease.position(), lease.clock(), theta);
  const Parameters parameters = work_->Named(theta);
  const double window = phase.synchronisation().staleness_seconds();
  const bool early = MayPushEarly(phase);
  gradient_.resize(plan_.parameters());
  if (total_.data == nullptr) {
    const auto parameters = static_cast<int64_t>(plan_.parameters());
    total_ = memory_ == nullptr ? SharedMemory::Ordinary(parameters)
                                : memory_->Allocate(parameters);
  }
  ParameterClient::RunPush push;
  push.position = lease.position();
  push.run = lease.run();
  push.clock = lease.clock();
  push.gradient = total_.data;
  const absl::Time start = clock_->Now();
  absl::Duration waited;
  Outcome outcome;
  while (outcome.done < lease.run()) {
    const uint64_t position = lease.position() + outcome.done;
    const bool is_first = outcome.done == 0;
    const bool is_last = outcome.done + 1 == lease.run();
    Layers layers(this, is_first, early && is_last ? &push : nullptr);
    const uint64_t step = position / micro_batches_;
    const auto m = static_cast<uint32_t>(position % micro_batches_);
    float* const gradient = is_first ? total_.data : gradient_.data();
    StepWork::Computed computed =
        work_->MicroBatch(step, m, parameters, gradient, &layers);
    RETURN_IF_ERROR(layers.status());
    waited += layers.waited();
    ASSIGN_OR_RETURN(const bool is_void,
                     work_->IsVoid(step, m, &computed, gradient));
    push.is_void |= is_void;
    push.sums += computed.sums;
    ++outcome.done;
    outcome.computed = clock_->Now() - start - waited;
    if (window > 0 && outcome.computed >= absl::Seconds(window)) break;
  }
  if (early) {
    client_->PushRunLayer(0, push);
  } else {
    work_->Clip(lease.position() / micro_batches_, outcome.done, total_.data);
    if (push.is_void) std::fill_n(total_.data, plan_.parameters(), 0.0f);
    push.run = outcome.done;
    client_->PushRun(push);
  }
  const TraceSpan acks(work_->ScopeOf(lease.position() / micro_batches_),
                       SPAN_AWAIT_ACKS);
  RETURN_IF_ERROR(client_->AwaitAcks());
  return outcome;
}

}  // namespace hawser
