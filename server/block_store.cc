#include "server/block_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/job/job_rules.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "server/update_pass.h"

namespace hawser {
namespace {

// Reads that wait for a later phase.
constexpr size_t kMaxEarly = 1 << 16;

}  // namespace

BlockStore::BlockStore(const Shared* shared, const Block& block,
                       Members members)
    : shared_(shared),
      id_(block.id()),
      elements_(block.elements()),
      members_(std::move(members)),
      pool_(block.elements(), shared->memory),
      partial_sums_(shared->micro_batches, block.elements(), &pool_) {
  current_ = pool_.Take();
  EnterPhase(0);
}

absl::Status BlockStore::Initialise(const InitialValues& values,
                                    const Plan& plan, const Block& block) {
  RETURN_IF_ERROR(values.Fill(plan, block, current_->data()));
  current_->Changed();
  return absl::OkStatus();
}

// --- Phases -----------------------------------------------------------------

bool BlockStore::on_arrival() const {
  return members_.schedule->phases()[phase_].synchronisation().mode() !=
         SYNCHRONOUS;
}

const Optimizer* BlockStore::OptimizerOf(size_t phase) const {
  const auto& spec = members_.schedule->phases()[phase].synchronisation();
  return spec.local_steps() > 1 ? shared_->outer_optimizer : shared_->optimizer;
}

void BlockStore::EnterPhase(size_t phase) {
  phase_ = phase;
  if (optimizer_ != OptimizerOf(phase)) {
    optimizer_ = OptimizerOf(phase);
    optimizer_updates_ = 0;
    state_.clear();
    const auto names = optimizer_->StateNames();
    for (size_t i = 0; i < names.size(); ++i) {
      auto state = std::make_shared<FloatBuffer>(elements_);
      std::fill_n(state->data(), elements_,
                  optimizer_->InitialState(static_cast<int>(i)));
      state_.push_back(std::move(state));
    }
  }
  if (shared_->audit != nullptr) {
    shared_->audit->Synchronised(members_.schedule->phases()[phase]);
  }
  // Reads of the phase that is over: all of its work has been counted.
  for (const uint64_t token : clocks_.Dismiss()) {
    auto read = parked_.extract(token);
    ReadNow(read.mapped().header, std::move(read.mapped().sink));
  }
  versions_ = ReadGate(version());
  ledger_ = PushLedger(version() * shared_->micro_batches);
  ResetClocks();
  AnswerEarly();
}

// Those who came too early are looked at again.
void BlockStore::AnswerEarly() {
  std::map<uint64_t, WaitingRead> early;
  early.swap(early_);
  for (auto& [token, read] : early) {
    ReadNow(read.header, std::move(read.sink));
  }
}

void BlockStore::ResetClocks() {
  if (shared_->audit != nullptr) {
    for (const auto& [node, clock] : clocks_.clocks().clocks()) {
      shared_->audit->Left(id_, node);
    }
    for (const uint64_t node : members_.workers) {
      shared_->audit->Joined(id_, node, 0);
    }
  }
  clocks_.Reset(
      members_.workers,
      StalenessInClocks(members_.schedule->phases()[phase_].synchronisation()));
}

void BlockStore::Adopt(Members members, std::function<void(uint64_t)> done) {
  strand_.Run([this, members = std::move(members), done = std::move(done)] {
    const uint64_t m = shared_->micro_batches;
    const uint64_t untouched =
        on_arrival() ? (ledger_.ceiling() + m - 1) / m : version() + 1;
    const auto before = members_.schedule;
    members_.incarnation = members.incarnation;
    if (members.incarnation != 0) members_ = members;
    versions_.Dismiss();
    clocks_.Dismiss();
    RefuseWaiting(&parked_);
    RefuseWaiting(&early_);
    // A further phase begins where the last one was over; or another one takes
    // the place of one that nothing has been done in.
    const StepSchedule& schedule = *members_.schedule;
    const size_t phase = version() < schedule.total_steps()
                             ? schedule.PhaseIndexOf(version())
                             : phase_;
    if (phase != phase_ || !schedule.SamePhase(*before, phase)) {
      EnterPhase(phase);
    } else {
      ResetClocks();
    }
    if (done != nullptr) done(untouched);
  });
}

void BlockStore::RefuseWaiting(std::map<uint64_t, WaitingRead>* waiting) {
  for (const auto& [token, read] : *waiting) {
    read.sink->Send(ErrorFrame(
        read.header,
        StaleIncarnation(read.header.incarnation, members_.incarnation)));
  }
  waiting->clear();
}

// --- Pushes -----------------------------------------------------------------

void BlockStore::Push(IncomingFrame frame) {
  strand_.Run([this, frame = std::move(frame)]() mutable {
    absl::Status status = CheckPush(frame.header);
    if (status.ok()) {
      status = frame.header.kind == FrameKind::kPush ? PushPartial(frame)
                                                     : PushRun(frame);
    }
    if (!status.ok()) frame.sink->Send(ErrorFrame(frame.header, status));
    frame.done();
  });
}

absl::Status BlockStore::CheckPush(const FrameHeader& header) const {
  if (header.incarnation != members_.incarnation) {
    return StaleIncarnation(header.incarnation, members_.incarnation);
  }
  if (header.payload_bytes !=
      static_cast<uint64_t>(elements_) * sizeof(float)) {
    return absl::InvalidArgumentError(
        absl::StrCat("push of ", header.payload_bytes, " bytes to block ", id_,
                     " of ", elements_, " floats"));
  }
  return absl::OkStatus();
}

absl::Status BlockStore::PushPartial(const IncomingFrame& frame) {
  const FrameHeader& header = frame.header;
  if (!partial_sums_.tree().Contains(header.tree_node)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no node (", header.tree_node.level, ", ", header.tree_node.index,
        ") in a tree of ", shared_->micro_batches, " micro-batches"));
  }
  if (header.clock > version() || (header.clock == version() && on_arrival())) {
    return absl::FailedPreconditionError(
        absl::StrCat("push for step ", header.clock, ", block ", id_,
                     " is at step ", version()));
  }
  if (header.clock < version()) {  // its step is complete
    Acknowledge(frame, /*repeated=*/true);
    PullNext(frame);
    return absl::OkStatus();
  }
  const bool needs_norm =
      shared_->needs_norm && optimizer_ == shared_->optimizer;
  const PartialSums::Outcome outcome = partial_sums_.Add(
      header.tree_node, frame.pieces, header.sums, needs_norm);
  Acknowledge(frame, outcome == PartialSums::Outcome::kRepeat);
  PullNext(frame);
  if (shared_->audit != nullptr && outcome != PartialSums::Outcome::kRepeat) {
    const uint64_t first = partial_sums_.tree().First(header.tree_node);
    const uint64_t last = partial_sums_.tree().Last(header.tree_node);
    shared_->audit->Counted(header,
                            header.clock * shared_->micro_batches + first,
                            last - first, /*lag=*/0);
  }
  if (outcome != PartialSums::Outcome::kComplete) return absl::OkStatus();
  const PartialSums::Sum& sum = partial_sums_.Total();
  if (id_ == 0) shared_->listener->StepSums(header.clock, sum.sums);
  shared_->listener->SumReady(id_, header.clock, sum.squared_norm,
                              *members_.schedule);
  return absl::OkStatus();
}

bool BlockStore::IsOfThisPhase(const FrameHeader& push) const {
  const uint64_t step = push.kind == FrameKind::kPush
                            ? push.clock
                            : push.position / shared_->micro_batches;
  return members_.schedule->PhaseIndexOf(step) == phase_;
}

void BlockStore::Acknowledge(const IncomingFrame& frame, bool repeated) {
  if (repeated && shared_->audit != nullptr && IsOfThisPhase(frame.header)) {
    shared_->audit->Repeated(frame.header);
  }
  if ((frame.header.flags & kAckWanted) == 0) return;
  FrameHeader ack = frame.header;
  ack.kind = FrameKind::kAck;
  ack.flags = repeated ? kRepeated : 0;
  ack.sums = SampleSums();
  ack.payload_bytes = 0;
  ack.payload_crc32c = 0;
  frame.sink->Send({EncodeFrameHeader(ack), nullptr, {}});
}

void BlockStore::PullNext(const IncomingFrame& push) {
  if ((push.header.flags & kNextWanted) == 0) return;
  FrameHeader pull = push.header;
  pull.kind = FrameKind::kPull;
  ++pull.clock;
  PullVersion(pull, push.sink);
}

absl::Status BlockStore::PushRun(const IncomingFrame& frame) {
  const FrameHeader& header = frame.header;
  const StepSchedule& schedule = *members_.schedule;
  const uint64_t end = schedule.EndOfPhase(phase_) * shared_->micro_batches;
  if (header.run == 0 || header.position >= end ||
      header.run > end - header.position) {
    return absl::InvalidArgumentError(
        absl::StrCat("push of ", header.run, " micro-batches from ",
                     header.position, ", the phase ends at ", end));
  }
  if (!on_arrival() && header.position >= ledger_.floor()) {
    return absl::FailedPreconditionError("updates are made once per step");
  }
  if (!clocks_.clocks().Contains(header.node)) {
    return absl::InvalidArgumentError(
        absl::StrCat("node ", header.node, " is no worker of this job"));
  }
  switch (ledger_.Arrive(header.position, header.run)) {
    case PushLedger::Verdict::kOverlap:
      return absl::InvalidArgumentError(
          absl::StrCat("of ", header.run, " micro-batches from ",
                       header.position, " some have been counted already"));
    case PushLedger::Verdict::kFull:
      return absl::ResourceExhaustedError("too many gaps in what was counted");
    case PushLedger::Verdict::kRepeat:
      // A past phase had clocks of its own.
      if (IsOfThisPhase(header)) {
        clocks_.Advance(header.node, header.clock + 1);
      }
      Acknowledge(frame, /*repeated=*/true);
      break;
    case PushLedger::Verdict::kCount:
      ApplyRun(frame, updates_ - std::min(updates_, header.updates));
      clocks_.Advance(header.node, header.clock + 1);
      Acknowledge(frame, /*repeated=*/false);
      break;
  }
  AnswerReleased();
  CompleteSteps();
  return absl::OkStatus();
}

void BlockStore::ApplyRun(const IncomingFrame& frame, uint64_t lag) {
  const FrameHeader& header = frame.header;
  if (shared_->audit != nullptr) {
    shared_->audit->Counted(header, header.position, header.run, lag);
  }
  const uint64_t step = header.position / shared_->micro_batches;
  UpdateStep update = shared_->listener->UpdateOnArrival(step, header.run, lag,
                                                         *members_.schedule);
  update.step = optimizer_updates_++;
  std::shared_ptr<FloatBuffer> next = pool_.Take();
  UpdatePass(optimizer_, update, current_.get(), &state_, next.get())
      .Run(frame.pieces);
  current_ = std::move(next);
  previous_.reset();
  ++updates_;
  if (id_ == 0) sums_[step] += header.sums;
}

void BlockStore::CompleteSteps() {
  const uint64_t complete = ledger_.floor() / shared_->micro_batches;
  while (version() < complete) {
    if (id_ == 0) {
      shared_->listener->StepSums(version(), sums_[version()]);
      sums_.erase(version());
    }
    version_.store(version() + 1, std::memory_order_release);
    ReachVersion();
  }
}

void BlockStore::Update(uint64_t step, const UpdateStep& update) {
  strand_.Run([this, step, update] { UpdateNow(step, update); });
}

void BlockStore::UpdateNow(uint64_t step, const UpdateStep& given) {
  CHECK_EQ(step, version());
  UpdateStep update = given;
  update.step = optimizer_updates_++;
  // The sum becomes the next parameters where it lies.
  std::shared_ptr<FloatBuffer> next = partial_sums_.TakeTotal().gradient;
  UpdatePass(optimizer_, update, current_.get(), &state_, next.get())
      .Run(*next);
  previous_ = std::exchange(current_, std::move(next));
  ++updates_;
  version_.store(version() + 1, std::memory_order_release);
  for (const uint64_t token : versions_.Advance()) {
    const auto read = parked_.extract(token);
    Answer(read.mapped().header, current_, read.mapped().sink.get());
  }
  ReachVersion();
}

void BlockStore::ReachVersion() {
  if (shared_->listener->WantsSnapshot(version(), *members_.schedule)) {
    BlockSnapshot snapshot{
        id_, version(), current_, optimizer_->StateNames(), {}};
    for (const auto& vector : state_) {
      auto copy = std::make_shared<FloatBuffer>(elements_);
      std::memcpy(copy->data(), vector->data(), vector->bytes().size());
      snapshot.state.push_back(std::move(copy));
    }
    shared_->listener->TakeSnapshot(std::move(snapshot));
  }
  const StepSchedule& schedule = *members_.schedule;
  const bool is_end = version() == schedule.EndOfPhase(phase_);
  if (is_end && version() < schedule.total_steps()) {
    EnterPhase(phase_ + 1);
  } else if (is_end && on_arrival()) {
    // Those who wait for the last version.
    AnswerEarly();
  }
  shared_->listener->VersionReached(id_, version(), schedule);
}

// --- Reads ------------------------------------------------------------------

void BlockStore::Read(const FrameHeader& header,
                      std::shared_ptr<ReplySink> sink) {
  strand_.Run([this, header, sink = std::move(sink)]() mutable {
    ReadNow(header, std::move(sink));
  });
}

void BlockStore::ReadNow(const FrameHeader& header,
                         std::shared_ptr<ReplySink> sink) {
  if (header.incarnation != members_.incarnation) {
    sink->Send(ErrorFrame(
        header, StaleIncarnation(header.incarnation, members_.incarnation)));
  } else if (header.kind == FrameKind::kPull) {
    PullVersion(header, std::move(sink));
  } else {
    ReadOnArrival(header, std::move(sink));
  }
}

void BlockStore::Park(std::map<uint64_t, WaitingRead>* where,
                      const FrameHeader& header,
                      std::shared_ptr<ReplySink> sink) {
  if (where->size() >= kMaxEarly) {
    sink->Send(ErrorFrame(header, absl::ResourceExhaustedError(
                                      "too many reads wait for a block")));
    return;
  }
  (*where)[next_token_++] = {header, std::move(sink)};
}

void BlockStore::PullVersion(const FrameHeader& header,
                             std::shared_ptr<ReplySink> sink) {
  const uint64_t wanted = header.clock;
  const StepSchedule& schedule = *members_.schedule;
  const bool is_later =
      wanted > version() &&
      (on_arrival() || schedule.PhaseIndexOf(wanted) > phase_ + 1);
  if (is_later) {
    Park(&early_, header, std::move(sink));
    return;
  }
  // The version before is there once per step alone.
  if (wanted < version() && (wanted + 1 < version() || previous_ == nullptr)) {
    sink->Send(ErrorFrame(header, absl::OutOfRangeError(absl::StrCat(
                                      "version ", wanted, " of block ", id_,
                                      " is past: it is at ", version()))));
    return;
  }
  const auto verdict = wanted == version() || wanted + 1 == version()
                           ? ReadGate::Verdict::kServe
                           : versions_.Request(wanted, next_token_);
  switch (verdict) {
    case ReadGate::Verdict::kServe: {
      const auto& buffer = wanted == version() ? current_ : previous_;
      Answer(header, buffer, sink.get());
      return;
    }
    case ReadGate::Verdict::kPark:
      parked_[next_token_++] = {header, std::move(sink)};
      return;
    case ReadGate::Verdict::kRefuse:
      sink->Send(
          ErrorFrame(header, absl::FailedPreconditionError(absl::StrCat(
                                 "version ", header.clock, " of block ", id_,
                                 " cannot be had: it is at ", version()))));
      return;
    case ReadGate::Verdict::kFull:
      sink->Send(ErrorFrame(header, absl::ResourceExhaustedError(
                                        "too many reads wait for a block")));
      return;
  }
}

void BlockStore::ReadOnArrival(const FrameHeader& header,
                               std::shared_ptr<ReplySink> sink) {
  if (header.position == kAnyPosition) {
    if (header.clock > version()) {
      Park(&early_, header, std::move(sink));
    } else {
      Answer(header, current_, sink.get());
    }
    return;
  }
  const StepSchedule& schedule = *members_.schedule;
  const uint64_t step = header.position / shared_->micro_batches;
  const size_t phase = schedule.PhaseIndexOf(step);
  if (phase > phase_) {
    Park(&early_, header, std::move(sink));
    return;
  }
  if (phase < phase_) {
    // Its work has been counted here: what is computed with these parameters
    // is for other blocks.
    if (header.kind == FrameKind::kTick) return;
    FrameHeader request = header;
    request.position = kAnyPosition;
    Answer(request, current_, sink.get());
    return;
  }
  if (header.kind == FrameKind::kTick) {
    if (clocks_.Advance(header.node, header.clock) &&
        shared_->audit != nullptr) {
      shared_->audit->Ticked(id_, header.node, header.clock);
    }
    AnswerReleased();
    return;
  }
  if (shared_->audit != nullptr && clocks_.clocks().Contains(header.node) &&
      clocks_.clocks().clocks().at(header.node) < header.clock) {
    shared_->audit->Ticked(id_, header.node, header.clock);
  }
  switch (clocks_.Request(header.node, header.clock, next_token_)) {
    case StalenessGate::Verdict::kServe:
      Answer(header, current_, sink.get());
      break;
    case StalenessGate::Verdict::kPark:
      parked_[next_token_++] = {header, std::move(sink)};
      break;
    case StalenessGate::Verdict::kUnknown:
      sink->Send(ErrorFrame(
          header, absl::InvalidArgumentError(absl::StrCat(
                      "node ", header.node, " is no worker of this job"))));
      break;
    case StalenessGate::Verdict::kFull:
      sink->Send(ErrorFrame(header, absl::ResourceExhaustedError(
                                        "too many reads wait for a block")));
      break;
  }
  AnswerReleased();
}

void BlockStore::AnswerReleased() {
  for (const uint64_t token : clocks_.Released()) {
    const auto read = parked_.extract(token);
    Answer(read.mapped().header, current_, read.mapped().sink.get());
  }
}

void BlockStore::Answer(const FrameHeader& request,
                        std::shared_ptr<FloatBuffer> buffer, ReplySink* sink) {
  FrameHeader header;
  header.kind = FrameKind::kBlock;
  header.job = request.job;
  header.incarnation = request.incarnation;
  header.node = request.node;
  header.clock = request.clock;
  header.block = id_;
  header.updates = updates_;
  header.payload_bytes = static_cast<uint32_t>(buffer->bytes().size());
  if (sink->NeedsChecksums()) header.payload_crc32c = buffer->Checksum();
  // What is read to be measured, or after the last step, is nobody's gradient.
  const bool is_history = request.kind == FrameKind::kRead
                              ? request.position != kAnyPosition
                              : !on_arrival();
  if (shared_->audit != nullptr && is_history) {
    const uint64_t steps =
        on_arrival() ? ledger_.floor() / shared_->micro_batches : version();
    shared_->audit->Served(request, id_, steps,
                           request.kind == FrameKind::kRead
                               ? &clocks_.clocks().clocks()
                               : nullptr);
  }
  const FloatBuffer* const payload = buffer.get();
  // The first blocks are those of the first layers, which are needed first.
  sink->Send({EncodeFrameHeader(header), std::move(buffer), payload->bytes(),
              payload, id_ + 1});
}

}  // namespace hawser
