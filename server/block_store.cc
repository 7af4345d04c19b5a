#include "server/block_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/job/initial_values.h"
#include "common/vector_ops.h"
#include "common/wire/float_pieces.h"
#include "glog/logging.h"

namespace hawser {
namespace {

void Seal(FloatBuffer* buffer) {
  buffer->crc32c = Crc32c(buffer->bytes().data(), buffer->bytes().size());
}

}  // namespace

BlockStore::BlockStore(const Shared* shared, const Plan& plan,
                       const Block& block, uint64_t incarnation)
    : shared_(shared),
      id_(block.id()),
      elements_(block.elements()),
      incarnation_(incarnation),
      aggregation_(shared->micro_batches),
      pool_(block.elements()) {
  current_ = pool_.Take();
  FillBlock(plan, block, current_->data());
  Seal(current_.get());
  const auto names = shared->optimizer->StateNames();
  for (size_t i = 0; i < names.size(); ++i) {
    auto state = std::make_shared<FloatBuffer>(elements_);
    std::fill_n(state->data(), elements_,
                shared->optimizer->InitialState(static_cast<int>(i)));
    state_.push_back(std::move(state));
  }
}

void BlockStore::Push(IncomingFrame frame) {
  strand_.Run([this, frame = std::move(frame)]() mutable {
    PushNow(frame);
    frame.done();
  });
}

absl::Status BlockStore::CheckPush(const FrameHeader& header) const {
  if (header.incarnation != incarnation_) {
    return StaleIncarnation(header.incarnation, incarnation_);
  }
  if (header.payload_bytes !=
      static_cast<uint64_t>(elements_) * sizeof(float)) {
    return absl::InvalidArgumentError(
        absl::StrCat("push of ", header.payload_bytes, " bytes to block ", id_,
                     " of ", elements_, " floats"));
  }
  if (!aggregation_.tree().Contains(header.tree_node)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no node (", header.tree_node.level, ", ", header.tree_node.index,
        ") in a tree of ", shared_->micro_batches, " micro-batches"));
  }
  if (header.clock > gate_.version()) {
    return absl::FailedPreconditionError(
        absl::StrCat("push for step ", header.clock, ", block ", id_,
                     " is at step ", gate_.version()));
  }
  return absl::OkStatus();
}

void BlockStore::PushNow(IncomingFrame& frame) {
  const FrameHeader& header = frame.header;
  const absl::Status status = CheckPush(header);
  if (!status.ok()) {
    frame.sink->Send(ErrorFrame(header, status));
    return;
  }
  if (header.clock < gate_.version()) return;  // its step is complete
  const StepAggregation::Decision decision =
      aggregation_.Arrive(header.tree_node);
  if (decision.verdict == StepAggregation::Verdict::kDuplicate) return;
  Accumulate(frame, decision);
  if (!decision.complete) return;
  const PartialSum& sum = partials_.begin()->second;
  const double norm =
      shared_->needs_norm ? SquaredNorm(sum.gradient->data(), elements_) : 0;
  shared_->listener->SumReady(id_, header.clock, norm, sum.sums);
}

BlockStore::PartialSum BlockStore::TakePartial(TreeNode node) {
  auto found = partials_.find(node);
  CHECK(found != partials_.end());
  PartialSum partial = std::move(found->second);
  partials_.erase(found);
  return partial;
}

void BlockStore::Accumulate(const IncomingFrame& frame,
                            const StepAggregation::Decision& decision) {
  for (const TreeNode& node : decision.dropped) partials_.erase(node);
  PartialSum partial;
  if (decision.verdict == StepAggregation::Verdict::kAdd) {
    partial = TakePartial(decision.payload_target);
    float* sum = partial.gradient->data();
    ForEachFloatRun(frame.pieces,
                    [sum](int64_t first, const char* run, int64_t n) {
                      AddInto(sum + first, run, n);
                    });
  } else {
    partial.gradient = pool_.Take();
    float* sum = partial.gradient->data();
    ForEachFloatRun(
        frame.pieces, [sum](int64_t first, const char* run, int64_t n) {
          std::memcpy(sum + first, run, static_cast<size_t>(n) * sizeof(float));
        });
  }
  partial.sums += frame.header.sums;
  partials_[decision.payload_result] = std::move(partial);
  for (const StepAggregation::Merge& merge : decision.merges) {
    PartialSum into = TakePartial(merge.into);
    const PartialSum from = TakePartial(merge.from);
    AddInto(into.gradient->data(), from.gradient->data(), elements_);
    into.sums += from.sums;
    partials_[merge.result] = std::move(into);
  }
}

void BlockStore::Pull(const FrameHeader& header,
                      std::shared_ptr<ReplySink> sink) {
  strand_.Run([this, header, sink = std::move(sink)]() mutable {
    PullNow(header, std::move(sink));
  });
}

void BlockStore::PullNow(const FrameHeader& header,
                         std::shared_ptr<ReplySink> sink) {
  if (header.incarnation != incarnation_) {
    sink->Send(
        ErrorFrame(header, StaleIncarnation(header.incarnation, incarnation_)));
    return;
  }
  switch (gate_.Request(header.clock, next_token_)) {
    case ReadGate::Verdict::kServe:
      Answer(header, sink.get());
      return;
    case ReadGate::Verdict::kPark:
      parked_[next_token_++] = {header, std::move(sink)};
      return;
    case ReadGate::Verdict::kRefuse:
      sink->Send(ErrorFrame(
          header, absl::FailedPreconditionError(absl::StrCat(
                      "version ", header.clock, " of block ", id_,
                      " cannot be had: it is at ", gate_.version()))));
      return;
    case ReadGate::Verdict::kFull:
      sink->Send(ErrorFrame(header, absl::ResourceExhaustedError(
                                        "too many reads wait for a block")));
      return;
  }
}

void BlockStore::Answer(const FrameHeader& request, ReplySink* sink) {
  const std::shared_ptr<FloatBuffer>& buffer =
      request.clock == gate_.version() ? current_ : previous_;
  FrameHeader header;
  header.kind = FrameKind::kBlock;
  header.job = request.job;
  header.incarnation = request.incarnation;
  header.node = request.node;
  header.clock = request.clock;
  header.block = id_;
  header.payload_bytes = static_cast<uint32_t>(buffer->bytes().size());
  header.payload_crc32c = buffer->crc32c;
  sink->Send({EncodeFrameHeader(header), buffer, buffer->bytes()});
}

void BlockStore::Update(const UpdateStep& step) {
  strand_.Run([this, step] { UpdateNow(step); });
}

void BlockStore::UpdateNow(const UpdateStep& step) {
  CHECK_EQ(step.step, gate_.version());
  const PartialSum sum = TakePartial(aggregation_.tree().Root());
  previous_.reset();  // may be the next buffer, if nobody reads it any more
  std::shared_ptr<FloatBuffer> next = pool_.Take();
  std::vector<float*> state;
  for (const auto& vector : state_) state.push_back(vector->data());
  shared_->optimizer->Apply(step, current_->data(), sum.gradient->data(),
                            elements_, next->data(), absl::MakeSpan(state));
  Seal(next.get());
  previous_ = std::exchange(current_, std::move(next));
  aggregation_.Reset();
  for (const uint64_t token : gate_.Advance()) {
    const auto read = parked_.extract(token);
    Answer(read.mapped().header, read.mapped().sink.get());
  }
  version_.store(gate_.version(), std::memory_order_release);
  if (shared_->listener->WantsSnapshot(gate_.version())) {
    BlockSnapshot snapshot{id_, gate_.version(), current_, {}};
    for (const auto& vector : state_) {
      auto copy = std::make_shared<FloatBuffer>(elements_);
      std::memcpy(copy->data(), vector->data(), vector->bytes().size());
      snapshot.state.push_back(std::move(copy));
    }
    shared_->listener->TakeSnapshot(std::move(snapshot));
  }
  shared_->listener->VersionReached(id_, gate_.version());
}

void BlockStore::Adopt(uint64_t incarnation) {
  strand_.Run([this, incarnation] {
    incarnation_ = incarnation;
    for (const uint64_t token : gate_.Dismiss()) {
      const auto read = parked_.extract(token);
      const FrameHeader& header = read.mapped().header;
      read.mapped().sink->Send(ErrorFrame(
          header, StaleIncarnation(header.incarnation, incarnation)));
    }
  });
}

}  // namespace hawser
