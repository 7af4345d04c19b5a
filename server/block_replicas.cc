// A block that has a replica on another server, and one that is a replica.
#include <bit>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "server/block_store.h"
#include "server/update_pass.h"

namespace hawser {

// --- It has one ---

void BlockStore::ExportToReplica(std::string replica,
                                 std::function<void(BlockContents)> done) {
  strand_.Run([this, replica = std::move(replica), done = std::move(done)] {
    BlockContents contents = Contents();
    const bool is_same = contents.state.SerializeAsString() == replica;
    const bool is_level =
        is_same || members_.replica == Replication::Replica::kFilling;
    if (is_same) {
      contents.state.set_unchanged(true);
      contents.vectors.clear();
    }
    if (is_level) replication_.Level();
    done(std::move(contents));
    // What waited for that.
    if (is_level && !members_.rests) WakeUp();
  });
}

void BlockStore::SendUpdate(uint64_t step, const UpdateStep& update) {
  const PartialSums::Sum& sum = partial_sums_.Total();
  FrameHeader header;
  header.kind = FrameKind::kUpdate;
  header.job = shared_->job;
  header.incarnation = members_.incarnation;
  header.clock = step;
  header.block = id_;
  header.flags = step_is_void_ ? kVoid : 0;
  header.sums = sum.sums;
  header.position = std::bit_cast<uint64_t>(update.learning_rate);
  header.run = std::bit_cast<uint32_t>(update.gradient_scale);
  header.updates = std::bit_cast<uint64_t>(sum.squared_norm);
  shared_->listener->Replicate(header, sum.gradient, sum.gradient->bytes(),
                               [this, step, update] {
                                 strand_.Run([this, step, update] {
                                   if (replication_.Answered(step))
                                     MakeUpdate(step, update);
                                 });
                               });
}

// On its way there; the frame is done with when that has answered.
absl::Status BlockStore::SendRun(IncomingFrame* frame) {
  RETURN_IF_ERROR(CheckRun(*frame));
  const uint64_t number = next_run_;
  if (replication_.Offer(number) != Replication::Verdict::kSend) {
    return absl::FailedPreconditionError("the block's replica is not level");
  }
  ++next_run_;
  FrameHeader header = frame->header;
  header.kind = FrameKind::kReplicaRun;
  header.flags |= kAckWanted;
  const auto payload = std::make_shared<std::string>();
  for (const absl::Span<const char> piece : frame->pieces) {
    payload->append(piece.data(), piece.size());
  }
  queue_.push_back({std::move(*frame), {}});
  shared_->listener->Replicate(
      header, payload, {payload->data(), payload->size()}, [this, number] {
        strand_.Run([this, number] {
          if (replication_.Answered(number)) MakeRun();
        });
      });
  return absl::OkStatus();
}

// The first of those that wait, and the reads behind it.
void BlockStore::MakeRun() {
  IncomingFrame frame = *std::move(queue_.front().push);
  queue_.pop_front();
  const absl::Status status = PushRun(frame);
  if (!status.ok()) frame.sink->Send(ErrorFrame(frame.header, status));
  frame.done();
  while (!queue_.empty() && !queue_.front().push.has_value()) {
    WaitingRead read = std::move(queue_.front().read);
    queue_.pop_front();
    ReadNow(read.header, std::move(read.sink));
  }
}

void BlockStore::RefuseQueued() {
  for (Queued& queued : queue_) {
    const bool is_push = queued.push.has_value();
    const FrameHeader& header =
        is_push ? queued.push->header : queued.read.header;
    ReplySink& sink = is_push ? *queued.push->sink : *queued.read.sink;
    sink.Send(ErrorFrame(
        header, StaleIncarnation(header.incarnation, members_.incarnation)));
    if (is_push) queued.push->done();
  }
  queue_.clear();
}

// --- It is one ---

void BlockStore::Follow(IncomingFrame frame) {
  strand_.Run([this, frame = std::move(frame)]() mutable {
    const absl::Status status = FollowNow(&frame);
    if (!status.ok()) frame.sink->Send(ErrorFrame(frame.header, status));
    frame.done();
  });
}

absl::Status BlockStore::FollowNow(IncomingFrame* frame) {
  const FrameHeader& header = frame->header;
  if (header.incarnation != members_.incarnation) {
    return StaleIncarnation(header.incarnation, members_.incarnation);
  }
  if (!members_.is_replica) {
    return absl::FailedPreconditionError("the block is no replica");
  }
  if (header.kind == FrameKind::kReplicaRun) {
    // What is made of it, if anything, is the same as there.
    frame->header.kind = FrameKind::kPushRun;
    const absl::Status status = PushRun(*frame);
    if (!status.ok()) {
      LOG(WARNING) << "the replica of block " << id_
                   << " takes a push for wrong: " << status;
      SendAck(*frame, /*repeated=*/false);
    }
    return absl::OkStatus();
  }
  const JobCodecs::Direction& float32 = shared_->codecs->float32();
  if (header.codec != float32.id) {
    return absl::InvalidArgumentError("an update comes as float32");
  }
  RETURN_IF_ERROR(float32.codec->Check(frame->pieces, elements_));
  if (header.clock > version() || on_arrival()) {
    return absl::FailedPreconditionError(
        absl::StrCat("update of step ", header.clock, ", the replica of block ",
                     id_, " is at step ", version()));
  }
  const bool is_repeat = header.clock < version();
  if (!is_repeat) FollowUpdate(*frame);
  SendAck(*frame, is_repeat);
  return absl::OkStatus();
}

void BlockStore::FollowUpdate(const IncomingFrame& frame) {
  const FrameHeader& header = frame.header;
  if (id_ == 0) shared_->listener->StepSums(header.clock, header.sums);
  if ((header.flags & kVoid) != 0) {
    previous_ = current_;
  } else {
    UpdateStep update;
    update.step = optimizer_updates_++;
    update.learning_rate = std::bit_cast<double>(header.position);
    update.gradient_scale = std::bit_cast<float>(header.run);
    const TraceSpan span(ScopeOf(header.clock), SPAN_OPTIMIZER,
                         DetailsOf(header));
    std::shared_ptr<FloatBuffer> next = pool_.Take();
    UpdatePass(optimizer_, update, current_.get(), &state_, next.get())
        .Run(*shared_->codecs->float32().codec, frame.pieces);
    previous_ = std::exchange(current_, std::move(next));
  }
  ++updates_;
  version_.store(version() + 1, std::memory_order_release);
  versions_.Advance();
  shared_->listener->Followed(id_, header.clock,
                              std::bit_cast<double>(header.updates));
  ReachVersion();
}

}  // namespace hawser
