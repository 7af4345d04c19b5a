#include "worker/leased_work.h"

#include <algorithm>

#include "common/status_macros.h"

namespace hawser {

using Floats = ParameterClient::Floats;

namespace {

// How much of a new measurement of speed counts against the old ones.
constexpr double kNew = 0.3;

}  // namespace

LeasedWork::LeasedWork(const Plan& plan, uint64_t attempt,
                       const Surroundings* surroundings,
                       ParameterClient* client, StepWork* work,
                       StepRun* step_run, std::vector<float>* theta)
    : plan_(plan),
      attempt_(attempt),
      schedule_(plan),
      surroundings_(surroundings),
      client_(client),
      work_(work),
      step_run_(step_run),
      theta_(theta),
      parameters_(theta->data()),
      arrival_run_(plan, work, client, surroundings->clock,
                   surroundings->memory),
      micro_batches_(plan.spec().schedule().micro_batches()) {}

absl::StatusOr<uint64_t> LeasedWork::Run(uint64_t step) {
  phase_ = &schedule_.PhaseOf(step);
  version_.reset();
  LeaseRequest request;
  request.set_attempt(attempt_);
  request.set_first(true);
  request.set_step(step);
  client_->RequestLease(request);
  for (;;) {
    ASSIGN_OR_RETURN(const Lease lease, client_->AwaitLease());
    uint32_t done = 0;
    switch (lease.work_case()) {
      case Lease::kRun: {
        ASSIGN_OR_RETURN(done, DoRun(lease.run()));
        break;
      }
      case Lease::kValidation:
        RETURN_IF_ERROR(Validate(lease.validation()));
        done =
            lease.validation().last_chunk() - lease.validation().first_chunk();
        break;
      case Lease::kHash:
        RETURN_IF_ERROR(Hash(lease.hash().step()));
        done = 1;
        break;
      case Lease::kAdvanceClockTo:
        client_->Tick(phase_->from_step() * micro_batches_,
                      lease.advance_clock_to());
        continue;  // the request stands
      case Lease::kPhaseOverAt:
        return lease.phase_over_at();
      case Lease::WORK_NOT_SET:
        return absl::DataLossError("a lease of nothing");
    }
    request.Clear();
    request.set_attempt(attempt_);
    request.set_lease(lease.number());
    request.set_done(done);
    request.set_seconds_per_micro_batch(seconds_);
    request.set_complete_steps(complete_steps_);
    client_->RequestLease(request);
  }
}

absl::StatusOr<uint32_t> LeasedWork::DoRun(const RunLease& lease) {
  const uint64_t end =
      schedule_.EndOfPhase(schedule_.PhaseIndexOf(phase_->from_step())) *
      micro_batches_;
  if (lease.run() == 0 || lease.position() >= end ||
      lease.run() > end - lease.position()) {
    return absl::DataLossError("a lease beyond the phase");
  }
  const TraceSpan span(work_->ScopeOf(lease.position() / micro_batches_),
                       SPAN_STEP);
  return on_arrival() ? OnArrival(lease) : OncePerStep(lease);
}

absl::Status LeasedWork::PullUnlessThere(uint64_t version, Floats floats) {
  const bool is_same =
      floats == floats_ || client_->codecs().pull().is_float32();
  if (version_ == version && is_same) return absl::OkStatus();
  version_.reset();
  RETURN_IF_ERROR(client_->Pull(version, theta_->data(), floats));
  version_ = version;
  floats_ = floats;
  parameters_ = work_->Named(theta_->data());
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> LeasedWork::OncePerStep(const RunLease& lease) {
  const uint64_t step = lease.position() / micro_batches_;
  TraceSpan pull(work_->ScopeOf(step), SPAN_AWAIT_PULL);
  const absl::Status pulled = PullUnlessThere(step, Floats::kByCodec);
  pull.End();
  if (absl::IsOutOfRange(pulled)) {
    ASSIGN_OR_RETURN(complete_steps_, client_->CurrentStep());
    return 0;
  }
  RETURN_IF_ERROR(pulled);
  const auto first = static_cast<uint32_t>(lease.position() % micro_batches_);
  ASSIGN_OR_RETURN(const absl::Duration computed,
                   step_run_->Do(step, first, first + lease.run(), parameters_,
                                 {.acks = true}));
  Measure(computed, lease.run());
  const TraceSpan acks(work_->ScopeOf(step), SPAN_AWAIT_ACKS);
  RETURN_IF_ERROR(client_->AwaitAcks());
  return lease.run();
}

absl::StatusOr<uint32_t> LeasedWork::OnArrival(const RunLease& lease) {
  version_.reset();
  ASSIGN_OR_RETURN(const ArrivalRun::Outcome outcome,
                   arrival_run_.Do(lease, *phase_, theta_->data()));
  Measure(outcome.computed, outcome.done);
  return outcome.done;
}

absl::Status LeasedWork::Validate(const ValidationLease& lease) {
  if (on_arrival()) {
    // Others need not wait meanwhile.
    client_->Tick(phase_->from_step() * micro_batches_, lease.clock());
  }
  if (on_arrival() || lease.step() < phase_->from_step()) {
    // What is left of an earlier phase has no version of its own either.
    version_.reset();
    RETURN_IF_ERROR(client_->Read(kAnyPosition, lease.step(), theta_->data()));
    parameters_ = work_->Named(theta_->data());
  } else {
    RETURN_IF_ERROR(PullUnlessThere(lease.step(), Floats::kExact));
  }
  return work_->Validate(lease.step(), lease.first_chunk(), lease.last_chunk(),
                         parameters_);
}

absl::Status LeasedWork::Hash(uint64_t step) {
  RETURN_IF_ERROR(PullUnlessThere(step, Floats::kExact));
  return work_->ReportHash(step, theta_->data());
}

void LeasedWork::Measure(absl::Duration computed, uint32_t micro_batches) {
  const double seconds = absl::ToDoubleSeconds(computed) / micro_batches;
  if (seconds <= 0) return;
  seconds_ = seconds_ == 0 ? seconds : (1 - kNew) * seconds_ + kNew * seconds;
}

}  // namespace hawser
