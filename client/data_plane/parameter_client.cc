#include "client/data_plane/parameter_client.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// Of a frame without a block: it may say that the pushes before it are over,
// and its answer that they have been received.
constexpr uint32_t kAfterBlocks = kAllBlocks;

absl::Status Refusal(const FrameHeader& header, PayloadPieces pieces) {
  std::string message;
  for (const absl::Span<const char> piece : pieces) {
    message.append(piece.data(), piece.size());
  }
  return absl::Status(static_cast<absl::StatusCode>(header.flags), message);
}

}  // namespace

ParameterClient::ParameterClient(const Plan& plan, uint64_t node,
                                 const ChannelFactory& make_channel,
                                 Threads* threads, TraceRecorder* trace)
    : plan_(plan),
      codecs_(plan.spec()),
      node_(node),
      threads_(threads),
      trace_(trace),
      channels_(plan_, make_channel),
      blocks_of_(static_cast<size_t>(plan.layers_size())),
      encoder_(plan, &codecs_),
      due_(channels_.all().size()),
      block_states_(static_cast<size_t>(plan.blocks_size())),
      due_of_layer_(static_cast<size_t>(plan.layers_size()), 0) {
  for (const Block& block : plan.blocks()) {
    blocks_of_[block.layer()].push_back(static_cast<int>(block.id()));
  }
  for (size_t channel = 0; channel < channels_.all().size(); ++channel) {
    const auto& of_server = channels_.all()[channel];
    of_server.channel->PlacePayloads(
        [this, channel](const FrameHeader& header) {
          return PlaceOf(channel, header);
        });
    queues_.push_back(std::make_unique<SendQueue>(
        of_server.channel.get(), threads,
        [this](const absl::Status& status) { Fail(status); }));
  }
  for (size_t channel = 0; channel < queues_.size(); ++channel) {
    readers_.push_back(threads->Start([this, channel] { RunReader(channel); }));
  }
}

ParameterClient::~ParameterClient() {
  Cancel();
  queues_.clear();
  readers_.clear();
}

absl::StatusOr<uint64_t> ParameterClient::CurrentStep() {
  uint64_t step = std::numeric_limits<uint64_t>::max();
  for (size_t i = 0; i < channels_.all().size(); ++i) {
    if (channels_.IsFirstOfTwo(i)) continue;  // a server is asked once
    ASSIGN_OR_RETURN(const uint64_t completed,
                     channels_.all()[i].channel->GetProgress(
                         plan_.job(), plan_.incarnation()));
    step = std::min(step, completed);
  }
  return step;
}

ParameterClient::Traffic ParameterClient::traffic() const {
  Traffic traffic{0, received_bytes_.load()};
  for (const auto& queue : queues_) traffic.sent_bytes += queue->sent_bytes();
  return traffic;
}

uint64_t ParameterClient::StepAt(uint64_t position) const {
  return position / std::max(1u, plan_.spec().schedule().micro_batches());
}

FrameHeader ParameterClient::Header(FrameKind kind, uint64_t clock) const {
  FrameHeader header;
  header.kind = kind;
  header.job = plan_.job();
  header.incarnation = plan_.incarnation();
  header.node = node_;
  header.clock = clock;
  return header;
}

// --- Sending ----------------------------------------------------------------

void ParameterClient::SendLayer(uint32_t layer, FrameHeader header,
                                const float* gradient, const SampleSums& sums) {
  // The first layer is the last to be pushed: then the caller only waits. Where
  // its server has two channels, both are at work.
  const TraceScope trace =
      ScopeOf(header.kind == FrameKind::kPushRun ? StepAt(header.position)
                                                 : header.clock);
  for (size_t channel = 0; channel < queues_.size(); ++channel) {
    frames_.clear();
    for (const int b : blocks_of_[layer]) {
      const Block& block = plan_.blocks(b);
      if (channels_.Of(block.id()) != channel) continue;
      header.block = block.id();
      header.sums = block.id() == 0 ? sums : SampleSums();
      {
        absl::MutexLock lock(&mutex_);
        header.updates = block_states_[block.id()].updates;
        if ((header.flags & kAckWanted) != 0) ++due_[channel].acks;
        if ((header.flags & kNextWanted) != 0) {
          AwaitBlock(block, header.clock + 1, header.flags);
        }
      }
      const SendQueue::Encoding encoding = encoder_.Prepare(block, &header);
      frames_.push_back(
          {block.id(),
           header,
           {reinterpret_cast<const char*>(gradient + block.offset()),
            block.elements() * sizeof(float)},
           encoding,
           trace,
           NodeOf(channel)});
    }
    if (frames_.empty()) continue;
    const bool at_once = layer == 0 && !channels_.IsFirstOfTwo(channel);
    queues_[channel]->Add(
        frames_, at_once ? SendQueue::By::kCaller : SendQueue::By::kThread);
  }
}

void ParameterClient::PushLayer(uint32_t layer, const StepPush& push) {
  FrameHeader header = Header(FrameKind::kPush, push.step);
  header.tree_node = push.tree_node;
  if (push.want_acks) header.flags |= kAckWanted;
  if (push.is_void) header.flags |= kVoid;
  if (push.pull_next) header.flags |= kNextWanted | FlagsFor(push.next);
  SendLayer(layer, header, push.gradient, push.sums);
}

void ParameterClient::Push(const StepPush& push) {
  for (size_t layer = blocks_of_.size(); layer-- > 0;) {
    PushLayer(static_cast<uint32_t>(layer), push);
  }
}

void ParameterClient::PushRunLayer(uint32_t layer, const RunPush& push) {
  FrameHeader header = Header(FrameKind::kPushRun, push.clock);
  header.position = push.position;
  header.run = push.run;
  header.flags = kAckWanted;
  if (push.is_void) header.flags |= kVoid;
  SendLayer(layer, header, push.gradient, push.sums);
}

void ParameterClient::PushRun(const RunPush& push) {
  for (size_t layer = blocks_of_.size(); layer-- > 0;) {
    PushRunLayer(static_cast<uint32_t>(layer), push);
  }
}

void ParameterClient::SendToAll(const FrameHeader& header) {
  for (size_t channel = 0; channel < queues_.size(); ++channel) {
    const auto& of_server = channels_.all()[channel];
    SendQueue::Frame frame{kAfterBlocks, header, {}, {}};
    frames_.clear();
    if (of_server.carries_all) {
      frame.header.block = kAllBlocks;
      frames_.push_back(frame);
    } else {
      for (const uint32_t block : of_server.blocks) {
        frame.header.block = block;
        frames_.push_back(frame);
      }
    }
    queues_[channel]->Add(frames_, SendQueue::By::kCaller);
  }
}

void ParameterClient::Tick(uint64_t position, uint64_t clock) {
  FrameHeader request = Header(FrameKind::kTick, clock);
  request.position = position;
  SendToAll(request);
}

void ParameterClient::RequestLease(const LeaseRequest& request) {
  request_ = request.SerializeAsString();  // until it is answered
  const SendQueue::Frame frame{kAfterBlocks,
                               Header(FrameKind::kLeaseRequest, 0),
                               {request_.data(), request_.size()},
                               {}};
  queues_[channels_.Of(0)]->Add({&frame, 1}, SendQueue::By::kCaller);
}

// --- Reading ----------------------------------------------------------------

uint16_t ParameterClient::FlagsFor(Floats floats) const {
  const bool differs = floats == Floats::kExact && !codecs_.pull().is_float32();
  return differs ? kExactWanted : 0;
}

void ParameterClient::AwaitBlock(const Block& block, uint64_t clock,
                                 uint16_t flags) {
  BlockState& state = block_states_[block.id()];
  state.awaited_clock = clock;
  state.awaited_codec =
      (flags & kExactWanted) != 0 ? CodecId::kFloat32 : codecs_.pull().id;
  if (state.is_due) return;
  state.is_due = true;
  ++due_of_layer_[block.layer()];
  ++due_[channels_.Of(block.id())].blocks;
}

void ParameterClient::StartReading(const FrameHeader& request, float* theta) {
  {
    absl::MutexLock lock(&mutex_);
    theta_ = theta;
    read_step_.reset();
    if (request.kind == FrameKind::kRead) {
      read_step_ = StepAt(request.position);
    }
    past_ = absl::OkStatus();
    // Answers that a block is past do not say which.
    for (Due& due : due_) due.blocks = 0;
    for (BlockState& state : block_states_) state.is_due = false;
    std::fill(due_of_layer_.begin(), due_of_layer_.end(), 0);
    for (const Block& block : plan_.blocks()) {
      AwaitBlock(block, request.clock, request.flags);
    }
  }
  SendToAll(request);
}

void ParameterClient::StartPull(uint64_t version, float* theta, Floats floats) {
  FrameHeader request = Header(FrameKind::kPull, version);
  request.flags = FlagsFor(floats);
  StartReading(request, theta);
}

absl::Status ParameterClient::AwaitLayer(uint32_t layer) {
  RETURN_IF_ERROR(WaitUntil([this, layer]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return due_of_layer_[layer] == 0 || !past_.ok();
  }));
  absl::MutexLock lock(&mutex_);
  return past_;
}

absl::Status ParameterClient::AwaitLayers() {
  RETURN_IF_ERROR(WaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::all_of(due_.begin(), due_.end(),
                       [](const Due& due) { return due.blocks == 0; });
  }));
  absl::MutexLock lock(&mutex_);
  return past_;
}

absl::Status ParameterClient::Pull(uint64_t version, float* theta,
                                   Floats floats) {
  StartPull(version, theta, floats);
  return AwaitLayers();
}

void ParameterClient::StartRead(uint64_t position, uint64_t clock,
                                float* theta) {
  FrameHeader request = Header(FrameKind::kRead, clock);
  request.position = position;
  if (position == kAnyPosition) request.flags = FlagsFor(Floats::kExact);
  StartReading(request, theta);
}

absl::Status ParameterClient::Read(uint64_t position, uint64_t clock,
                                   float* theta) {
  StartRead(position, clock, theta);
  return AwaitLayers();
}

absl::Status ParameterClient::AwaitAcks() {
  RETURN_IF_ERROR(WaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::all_of(due_.begin(), due_.end(),
                       [](const Due& due) { return due.acks == 0; });
  }));
  encoder_.Reuse();
  return absl::OkStatus();
}

absl::StatusOr<Lease> ParameterClient::AwaitLease() {
  RETURN_IF_ERROR(WaitUntil(
      [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !leases_.empty(); }));
  absl::MutexLock lock(&mutex_);
  Lease lease = std::move(leases_.front());
  leases_.pop_front();
  return lease;
}

absl::Status ParameterClient::WaitUntil(absl::FunctionRef<bool()> holds) {
  absl::MutexLock lock(&mutex_);
  const auto over = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return !status_.ok() || holds();
  };
  threads_->Await(&mutex_, absl::Condition(&over));
  return status_;
}

void ParameterClient::Fail(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    if (status_.ok()) status_ = status;
  }
  Cancel();  // the other readers
}

void ParameterClient::RunReader(size_t channel) {
  absl::Status status;
  while (status.ok()) {
    status = channels_.all()[channel].channel->Receive(
        [&](const FrameHeader& header, PayloadPieces pieces) {
          received_bytes_ += kFrameHeaderBytes + header.payload_bytes;
          return Take(channel, header, pieces);
        });
  }
  Fail(status);
}

absl::Status ParameterClient::Take(size_t channel, const FrameHeader& header,
                                   PayloadPieces pieces) {
  if (header.kind == FrameKind::kError) {
    return TakeError(channel, Refusal(header, pieces));
  }
  if (header.job != plan_.job() || header.incarnation != plan_.incarnation()) {
    return absl::DataLossError("a frame of another job");
  }
  switch (header.kind) {
    case FrameKind::kBlock:
      return TakeBlock(channel, header, pieces);
    case FrameKind::kLease:
      return TakeLease(pieces);
    case FrameKind::kAck: {
      absl::MutexLock lock(&mutex_);
      if (due_[channel].acks == 0) break;
      --due_[channel].acks;
      return absl::OkStatus();
    }
    default:
      break;
  }
  return absl::DataLossError("a frame that was not asked for");
}

absl::Status ParameterClient::TakeError(size_t channel,
                                        const absl::Status& refusal) {
  absl::MutexLock lock(&mutex_);
  if (!absl::IsOutOfRange(refusal) || due_[channel].blocks == 0) return refusal;
  // One block's answer to a read; the others answer, too.
  --due_[channel].blocks;
  past_ = refusal;
  return absl::OkStatus();
}

float* ParameterClient::WantedAt(size_t channel,
                                 const FrameHeader& header) const {
  if (header.job != plan_.job() || header.incarnation != plan_.incarnation() ||
      header.block >= block_states_.size() ||
      channels_.Of(header.block) != channel) {
    return nullptr;
  }
  const BlockState& state = block_states_[header.block];
  if (!state.is_due || state.awaited_clock != header.clock ||
      state.awaited_codec != header.codec) {
    return nullptr;
  }
  return theta_ + plan_.blocks(static_cast<int>(header.block)).offset();
}

char* ParameterClient::PlaceOf(size_t channel, const FrameHeader& header) {
  if (header.kind != FrameKind::kBlock || header.codec != CodecId::kFloat32) {
    return nullptr;
  }
  absl::MutexLock lock(&mutex_);
  float* const theta = WantedAt(channel, header);
  if (theta == nullptr) return nullptr;
  const Block& block = plan_.blocks(static_cast<int>(header.block));
  return header.payload_bytes == block.elements() * sizeof(float)
             ? reinterpret_cast<char*>(theta)
             : nullptr;
}

absl::Status ParameterClient::TakeBlock(size_t channel,
                                        const FrameHeader& header,
                                        PayloadPieces pieces) {
  float* theta = nullptr;
  uint64_t step = header.clock;
  {
    absl::MutexLock lock(&mutex_);
    theta = WantedAt(channel, header);
    if (theta == nullptr) {
      return absl::DataLossError("a block that was not asked for");
    }
    step = read_step_.value_or(step);
  }
  const TraceSpan span(ScopeOf(step), SPAN_RECEIVE,
                       {.block = header.block,
                        .node = NodeOf(channel),
                        .bytes = header.payload_bytes});
  const Block& block = plan_.blocks(static_cast<int>(header.block));
  const JobCodecs::Direction& by =
      header.codec == CodecId::kFloat32 ? codecs_.float32() : codecs_.pull();
  const auto elements = static_cast<int64_t>(block.elements());
  RETURN_IF_ERROR(by.codec->Check(pieces, elements));
  by.codec->DecodeTo(pieces, elements, theta);
  absl::MutexLock lock(&mutex_);
  BlockState& state = block_states_[header.block];
  state.is_due = false;
  state.updates = header.updates;
  --due_of_layer_[block.layer()];
  --due_[channel].blocks;
  return absl::OkStatus();
}

absl::Status ParameterClient::TakeLease(PayloadPieces pieces) {
  std::string payload;
  for (const absl::Span<const char> piece : pieces) {
    payload.append(piece.data(), piece.size());
  }
  Lease lease;
  if (!lease.ParseFromString(payload)) {
    return absl::DataLossError("a lease that cannot be read");
  }
  absl::MutexLock lock(&mutex_);
  leases_.push_back(std::move(lease));
  return absl::OkStatus();
}

void ParameterClient::Cancel() {
  for (const auto& of_server : channels_.all()) of_server.channel->Cancel();
}

}  // namespace hawser
