// Reads of a block: answered, parked until what they wait for, or refused.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/block_store.h"

namespace hawser {
namespace {

// Reads that wait for a later phase.
constexpr size_t kMaxEarly = 1 << 16;

}  // namespace

void BlockStore::Read(const FrameHeader& header,
                      std::shared_ptr<ReplySink> sink) {
  strand_.Run([this, header, sink = std::move(sink)]() mutable {
    if (queue_.empty()) {
      ReadNow(header, std::move(sink));
    } else if (queue_.size() < kMaxEarly) {
      queue_.push_back({std::nullopt, {header, std::move(sink)}});
    } else {
      sink->Send(ErrorFrame(header, absl::ResourceExhaustedError(
                                        "too many reads wait for a block")));
    }
    CountWaiting();
  });
}

void BlockStore::CountAnswer(const FrameHeader& request, size_t bytes) {
  shared_->meters->answered_reads.Add();
  shared_->meters->answered_bytes.Add(bytes);
  if (!on_arrival() || request.kind != FrameKind::kRead ||
      request.position == kAnyPosition) {
    return;
  }
  const uint64_t slowest = clocks_.clocks().Minimum();
  shared_->meters->read_staleness.Observe(request.clock -
                                          std::min(request.clock, slowest));
}

void BlockStore::CountWaiting() {
  const auto waiting = static_cast<int64_t>(parked_.size() + early_.size());
  if (waiting == counted_waiting_ || shared_->meters == nullptr) return;
  shared_->meters->waiting_reads.Add(waiting - counted_waiting_);
  counted_waiting_ = waiting;
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
    if (clocks_.Advance(header.node, header.clock) && audit() != nullptr) {
      audit()->Ticked(id_, header.node, header.clock);
    }
    AnswerReleased();
    return;
  }
  if (audit() != nullptr && clocks_.clocks().Contains(header.node) &&
      clocks_.clocks().clocks().at(header.node) < header.clock) {
    audit()->Ticked(id_, header.node, header.clock);
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
  const TraceSpan span(
      ScopeOf(request.kind == FrameKind::kRead
                  ? request.position / shared_->micro_batches
                  : request.clock),
      SPAN_ANSWER,
      {.block = id_, .node = request.node, .bytes = buffer->bytes().size()});
  FrameHeader header;
  header.kind = FrameKind::kBlock;
  header.job = request.job;
  header.incarnation = request.incarnation;
  header.node = request.node;
  header.clock = request.clock;
  header.block = id_;
  header.updates = updates_;
  OutgoingFrame frame;
  const JobCodecs::Direction& pull = shared_->codecs->pull();
  if (pull.is_float32() || (request.flags & kExactWanted) != 0) {
    if (sink->NeedsChecksums()) header.payload_crc32c = buffer->Checksum();
    frame.payload = buffer->bytes();
  } else {
    const uint64_t updates = buffer == current_ ? updates_ : updates_ - 1;
    EncodedVersions::Encoding* encoding = encoded_.Of(updates, *buffer);
    header.codec = pull.id;
    if (sink->NeedsChecksums()) {
      header.payload_crc32c = EncodedVersions::Checksum(encoding);
    }
    frame.payload = encoding->bytes;
    buffer = encoding->memory;
  }
  header.payload_bytes = static_cast<uint32_t>(frame.payload.size());
  // What is read to be measured, or after the last step, is nobody's gradient.
  const bool is_history = request.kind == FrameKind::kRead
                              ? request.position != kAnyPosition
                              : !on_arrival();
  if (audit() != nullptr && is_history) {
    const uint64_t steps =
        on_arrival() ? ledger_.floor() / shared_->micro_batches : version();
    audit()->Served(request, id_, steps,
                    request.kind == FrameKind::kRead
                        ? &clocks_.clocks().clocks()
                        : nullptr);
  }
  if (shared_->meters != nullptr) CountAnswer(request, frame.payload.size());
  frame.header = EncodeFrameHeader(header);
  frame.buffer = buffer.get();
  frame.owner = std::move(buffer);
  // The first blocks are those of the first layers, which are needed first.
  frame.urgency = id_ + 1;
  sink->Send(std::move(frame));
}

}  // namespace hawser
