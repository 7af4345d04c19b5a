// Pushes to a block: counted once, added or applied; versions reached.
#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "server/block_store.h"
#include "server/update_pass.h"

namespace hawser {

void BlockStore::Push(IncomingFrame frame) {
  strand_.Run([this, frame = std::move(frame)]() mutable {
    absl::Status status = CheckPush(frame.header);
    if (status.ok() && frame.header.kind == FrameKind::kPushRun &&
        replication_.is_needed()) {
      status = SendRun(&frame);
      if (status.ok()) return;
    } else if (status.ok()) {
      status = frame.header.kind == FrameKind::kPush ? PushPartial(frame)
                                                     : PushRun(frame);
    }
    if (!status.ok()) frame.sink->Send(ErrorFrame(frame.header, status));
    CountWaiting();
    frame.done();
  });
}

absl::Status BlockStore::CheckPush(const FrameHeader& header) const {
  if (header.incarnation != members_.incarnation) {
    return StaleIncarnation(header.incarnation, members_.incarnation);
  }
  if (members_.leaves || members_.is_replica) {
    return absl::FailedPreconditionError("the block is another server's");
  }
  return absl::OkStatus();
}

absl::Status BlockStore::CheckPayload(const IncomingFrame& frame,
                                      JobCodecs::Sum sum) const {
  const JobCodecs::Direction& expected = shared_->codecs->CodecOf(sum);
  if (frame.header.codec != expected.id) {
    return absl::InvalidArgumentError(absl::StrCat(
        "push to block ", id_, " by codec ",
        static_cast<int>(frame.header.codec), "; by the job it is ",
        static_cast<int>(expected.id), "; run one version everywhere"));
  }
  const absl::Status status = expected.codec->Check(frame.pieces, elements_);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("push to block ", id_, ": ", status.message()));
}

absl::Status BlockStore::PushPartial(const IncomingFrame& frame) {
  const FrameHeader& header = frame.header;
  if (!partial_sums_.tree().Contains(header.tree_node)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no node (", header.tree_node.level, ", ", header.tree_node.index,
        ") in a tree of ", shared_->micro_batches, " micro-batches"));
  }
  const JobCodecs::Sum kind = shared_->codecs->SumOf(header.tree_node);
  if (kind == JobCodecs::Sum::kTooMany) {
    return absl::InvalidArgumentError(absl::StrCat(
        "push of node (", header.tree_node.level, ", ", header.tree_node.index,
        "): the job's codec acts on the nodes below it"));
  }
  RETURN_IF_ERROR(CheckPayload(frame, kind));
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
  TraceSpan span(ScopeOf(header.clock), SPAN_AGGREGATE, DetailsOf(header));
  const PartialSums::Outcome outcome =
      partial_sums_.Add(header.tree_node, shared_->codecs->CodecOf(kind),
                        frame.pieces, header.sums, needs_norm);
  span.End();
  if (outcome != PartialSums::Outcome::kRepeat) {
    step_is_void_ |= (header.flags & kVoid) != 0;
    if (id_ == 0) shared_->listener->Counted(header, std::nullopt);
  }
  Acknowledge(frame, outcome == PartialSums::Outcome::kRepeat);
  PullNext(frame);
  if (audit() != nullptr && outcome != PartialSums::Outcome::kRepeat) {
    const uint64_t first = partial_sums_.tree().First(header.tree_node);
    const uint64_t last = partial_sums_.tree().Last(header.tree_node);
    audit()->Counted(header, header.clock * shared_->micro_batches + first,
                     last - first, /*lag=*/0);
  }
  if (outcome != PartialSums::Outcome::kComplete) return absl::OkStatus();
  const PartialSums::Sum& sum = partial_sums_.Total();
  if (id_ == 0) shared_->listener->StepSums(header.clock, sum.sums);
  shared_->listener->SumReady(id_, header.clock, sum.squared_norm,
                              *members_.schedule);
  return absl::OkStatus();
}

TraceSpan::Details BlockStore::DetailsOf(const FrameHeader& header) const {
  return {.block = id_, .node = header.node, .bytes = header.payload_bytes};
}

bool BlockStore::IsOfThisPhase(const FrameHeader& push) const {
  const uint64_t step = push.kind == FrameKind::kPush
                            ? push.clock
                            : push.position / shared_->micro_batches;
  return members_.schedule->PhaseIndexOf(step) == phase_;
}

void BlockStore::Acknowledge(const IncomingFrame& frame, bool repeated) {
  // To a reader of the history, a step that is counted whole is over.
  const bool awaits_update = !on_arrival() && partial_sums_.complete();
  if (repeated && audit() != nullptr && !awaits_update &&
      IsOfThisPhase(frame.header)) {
    audit()->Repeated(frame.header);
  }
  if (shared_->meters != nullptr) {
    (repeated ? shared_->meters->repeated_pushes
              : shared_->meters->counted_pushes)
        .Add();
    shared_->meters->pushed_bytes.Add(frame.header.payload_bytes);
  }
  if ((frame.header.flags & kAckWanted) == 0) return;
  SendAck(frame, repeated);
}

void BlockStore::SendAck(const IncomingFrame& frame, bool repeated) {
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
  pull.flags &= kExactWanted;
  ++pull.clock;
  PullVersion(pull, push.sink);
}

absl::Status BlockStore::CheckRun(const IncomingFrame& frame) const {
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
  return CheckPayload(frame, JobCodecs::Sum::kEncoded);
}

absl::Status BlockStore::PushRun(const IncomingFrame& frame) {
  const FrameHeader& header = frame.header;
  RETURN_IF_ERROR(CheckRun(frame));
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
  if (audit() != nullptr) {
    audit()->Counted(header, header.position, header.run, lag);
  }
  if (shared_->meters != nullptr) shared_->meters->push_lag.Observe(lag);
  const uint64_t step = header.position / shared_->micro_batches;
  if (id_ == 0) {
    sums_[step] += header.sums;
    shared_->listener->Counted(header, lag);
  }
  if ((header.flags & kVoid) != 0) return;
  const TraceSpan span(ScopeOf(step), SPAN_OPTIMIZER, DetailsOf(header));
  UpdateStep update = shared_->listener->UpdateOnArrival(step, header.run, lag,
                                                         *members_.schedule);
  update.step = optimizer_updates_++;
  std::shared_ptr<FloatBuffer> next = pool_.Take();
  const auto before = ReplaceHeldState();
  UpdatePass(optimizer_, update, current_.get(), &state_, next.get(),
             before.empty() ? nullptr : &before)
      .Run(*shared_->codecs->push().codec, frame.pieces);
  current_ = std::move(next);
  previous_.reset();
  ++updates_;
}

std::vector<std::shared_ptr<FloatBuffer>> BlockStore::ReplaceHeldState() {
  // One reference is the pool's, one the block's. Only a snapshot has more, of
  // all of them, and gives them back on another thread; whoever sees that late
  // leaves them alone for nothing.
  if (state_.empty()) return {};
  if (std::all_of(state_.begin(), state_.end(),
                  [](const auto& vector) { return vector.use_count() == 2; })) {
    // Pairs with the release of the last reader's reference.
    std::atomic_thread_fence(std::memory_order_acquire);
    return {};
  }
  auto before = state_;
  for (auto& vector : state_) vector = state_pool_.Take();
  return before;
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
  strand_.Run([this, step, update] {
    UpdateNow(step, update);
    CountWaiting();
  });
}

void BlockStore::UpdateNow(uint64_t step, const UpdateStep& given) {
  CHECK_LE(step, version());
  // A block that has moved here may be a step ahead of the others, or what it
  // had in sum is still to be pushed again.
  if (step < version() || members_.rests || !partial_sums_.complete()) return;
  switch (replication_.Offer(step)) {
    case Replication::Verdict::kMake:
      MakeUpdate(step, given);
      return;
    case Replication::Verdict::kSend:
      SendUpdate(step, given);
      return;
    case Replication::Verdict::kWait:
      return;
  }
}

void BlockStore::MakeUpdate(uint64_t step, const UpdateStep& given) {
  // The sum becomes the next parameters where it lies.
  std::shared_ptr<FloatBuffer> next = partial_sums_.TakeTotal().gradient;
  if (std::exchange(step_is_void_, false)) {
    previous_ = current_;
  } else {
    UpdateStep update = given;
    update.step = optimizer_updates_++;
    const TraceSpan span(ScopeOf(step), SPAN_OPTIMIZER, {.block = id_});
    const auto before = ReplaceHeldState();
    UpdatePass(optimizer_, update, current_.get(), &state_, next.get(),
               before.empty() ? nullptr : &before)
        .Run(*next);
    previous_ = std::exchange(current_, std::move(next));
  }
  ++updates_;
  version_.store(version() + 1, std::memory_order_release);
  for (const uint64_t token : versions_.Advance()) {
    const auto read = parked_.extract(token);
    Answer(read.mapped().header, current_, read.mapped().sink.get());
  }
  ReachVersion();
}

void BlockStore::OfferSnapshot() {
  strand_.Run([this] {
    if (version() != 0) TakeSnapshotIfWanted();
  });
}

void BlockStore::TakeSnapshotIfWanted() {
  if (members_.is_replica) return;
  if (!shared_->listener->WantsSnapshot(version(), *members_.schedule)) return;
  const TraceSpan span(ScopeOf(version()), SPAN_SNAPSHOT, {.block = id_});
  shared_->listener->TakeSnapshot({id_,
                                   version(),
                                   current_,
                                   optimizer_->StateNames(),
                                   {state_.begin(), state_.end()},
                                   optimizer_updates_});
}

void BlockStore::ReachVersion() {
  TakeSnapshotIfWanted();
  const StepSchedule& schedule = *members_.schedule;
  const bool is_end = version() == schedule.EndOfPhase(phase_);
  if (is_end && version() < schedule.total_steps()) {
    EnterPhase(phase_ + 1);
  } else if (is_end && on_arrival()) {
    // Those who wait for the last version.
    AnswerEarly();
  }
  if (!members_.is_replica) {
    shared_->listener->VersionReached(id_, version(), schedule);
  }
}

}  // namespace hawser
