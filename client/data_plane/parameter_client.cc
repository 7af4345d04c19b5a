#include "client/data_plane/parameter_client.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

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
                                 Threads* threads)
    : plan_(plan),
      node_(node),
      threads_(threads),
      channels_(static_cast<size_t>(plan.servers_size())),
      blocks_on_(static_cast<size_t>(plan.servers_size()), 0),
      due_(static_cast<size_t>(plan.servers_size())),
      updates_(static_cast<size_t>(plan.blocks_size()), 0) {
  if (plan.blocks_size() != 0) lease_server_ = plan.blocks(0).server();
  for (const Block& block : plan.blocks()) {
    auto& channel = channels_[block.server()];
    if (channel == nullptr) {
      channel = make_channel(
          plan.servers(static_cast<int>(block.server())).address());
    }
    ++blocks_on_[block.server()];
  }
  const auto used =
      std::count_if(channels_.begin(), channels_.end(),
                    [](const auto& channel) { return channel != nullptr; });
  for (size_t server = 0; used > 1 && server < channels_.size(); ++server) {
    if (channels_[server] == nullptr) continue;
    readers_.push_back(threads->Start([this, server] { RunReader(server); }));
  }
}

ParameterClient::~ParameterClient() {
  if (!readers_.empty()) Cancel();
  readers_.clear();
}

absl::StatusOr<uint64_t> ParameterClient::CurrentStep() {
  uint64_t step = std::numeric_limits<uint64_t>::max();
  for (const auto& channel : channels_) {
    if (channel == nullptr) continue;
    ASSIGN_OR_RETURN(const uint64_t completed,
                     channel->GetProgress(plan_.job(), plan_.incarnation()));
    step = std::min(step, completed);
  }
  return step;
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

absl::Status ParameterClient::SendBlocks(FrameHeader header,
                                         const float* gradient,
                                         const SampleSums& sums) {
  for (int b = plan_.blocks_size() - 1; b >= 0; --b) {
    const Block& block = plan_.blocks(b);
    const absl::Span<const char> payload(
        reinterpret_cast<const char*>(gradient + block.offset()),
        block.elements() * sizeof(float));
    header.block = block.id();
    header.sums = block.id() == 0 ? sums : SampleSums();
    {
      absl::MutexLock lock(&mutex_);
      header.updates = updates_[block.id()];
      if ((header.flags & kAckWanted) != 0) ++due_[block.server()].acks;
    }
    header.payload_bytes = static_cast<uint32_t>(payload.size());
    header.payload_crc32c = Crc32c(payload.data(), payload.size());
    RETURN_IF_ERROR(Send(block.server(), header, payload));
  }
  return absl::OkStatus();
}

absl::Status ParameterClient::Push(uint64_t step, TreeNode tree_node,
                                   const float* gradient,
                                   const SampleSums& sums, bool want_acks) {
  FrameHeader header = Header(FrameKind::kPush, step);
  header.tree_node = tree_node;
  if (want_acks) header.flags = kAckWanted;
  return SendBlocks(header, gradient, sums);
}

absl::Status ParameterClient::PushRun(uint64_t position, uint32_t run,
                                      uint64_t clock, const float* gradient,
                                      const SampleSums& sums) {
  FrameHeader header = Header(FrameKind::kPushRun, clock);
  header.position = position;
  header.run = run;
  header.flags = kAckWanted;
  return SendBlocks(header, gradient, sums);
}

absl::Status ParameterClient::SendToAll(const FrameHeader& header) {
  for (size_t server = 0; server < channels_.size(); ++server) {
    if (channels_[server] == nullptr) continue;
    RETURN_IF_ERROR(Send(server, header, {}));
  }
  return absl::OkStatus();
}

absl::Status ParameterClient::Send(size_t server, const FrameHeader& header,
                                   absl::Span<const char> payload) {
  RETURN_IF_ERROR(channels_[server]->Send(header, payload));
  sent_bytes_ += kFrameHeaderBytes + payload.size();
  return absl::OkStatus();
}

absl::Status ParameterClient::Pull(uint64_t version, float* theta) {
  return ReceiveBlocks(Header(FrameKind::kPull, version), theta);
}

absl::Status ParameterClient::Read(uint64_t position, uint64_t clock,
                                   float* theta) {
  FrameHeader request = Header(FrameKind::kRead, clock);
  request.position = position;
  return ReceiveBlocks(request, theta);
}

absl::Status ParameterClient::Tick(uint64_t position, uint64_t clock) {
  FrameHeader request = Header(FrameKind::kTick, clock);
  request.position = position;
  request.block = kAllBlocks;
  return SendToAll(request);
}

absl::Status ParameterClient::ReceiveBlocks(const FrameHeader& request,
                                            float* theta) {
  FrameHeader header = request;
  header.block = kAllBlocks;
  {
    absl::MutexLock lock(&mutex_);
    theta_ = theta;
    awaited_clock_ = request.clock;
    past_ = absl::OkStatus();
    for (size_t server = 0; server < channels_.size(); ++server) {
      due_[server].blocks = blocks_on_[server];
    }
  }
  RETURN_IF_ERROR(SendToAll(header));
  RETURN_IF_ERROR(WaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::all_of(due_.begin(), due_.end(),
                       [](const Due& due) { return due.blocks == 0; });
  }));
  absl::MutexLock lock(&mutex_);
  return past_;
}

absl::Status ParameterClient::AwaitAcks() {
  return WaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::all_of(due_.begin(), due_.end(),
                       [](const Due& due) { return due.acks == 0; });
  });
}

absl::Status ParameterClient::RequestLease(const LeaseRequest& request) {
  const std::string payload = request.SerializeAsString();
  FrameHeader header = Header(FrameKind::kLeaseRequest, 0);
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  request_ = payload;  // until it is answered
  return Send(lease_server_, header, {request_.data(), request_.size()});
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
  if (readers_.empty()) {
    // Nobody else touches what is waited for.
    while (!holds()) RETURN_IF_ERROR(Receive(lease_server_));
    return absl::OkStatus();
  }
  absl::MutexLock lock(&mutex_);
  const auto over = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return !status_.ok() || holds();
  };
  threads_->Await(&mutex_, absl::Condition(&over));
  return status_;
}

void ParameterClient::RunReader(size_t server) {
  for (;;) {
    const absl::Status status = Receive(server);
    if (status.ok()) continue;
    {
      absl::MutexLock lock(&mutex_);
      if (status_.ok()) status_ = status;
    }
    Cancel();  // the other readers
    return;
  }
}

absl::Status ParameterClient::Receive(size_t server) {
  return channels_[server]->Receive(
      [&](const FrameHeader& header, PayloadPieces pieces) {
        received_bytes_ += kFrameHeaderBytes + header.payload_bytes;
        return Take(server, header, pieces);
      });
}

absl::Status ParameterClient::Take(size_t server, const FrameHeader& header,
                                   PayloadPieces pieces) {
  if (header.kind == FrameKind::kError) {
    return TakeError(server, Refusal(header, pieces));
  }
  if (header.job != plan_.job() || header.incarnation != plan_.incarnation()) {
    return absl::DataLossError("a frame of another job");
  }
  switch (header.kind) {
    case FrameKind::kBlock:
      return TakeBlock(server, header, pieces);
    case FrameKind::kLease:
      return TakeLease(pieces);
    case FrameKind::kAck: {
      absl::MutexLock lock(&mutex_);
      if (due_[server].acks == 0) break;
      --due_[server].acks;
      return absl::OkStatus();
    }
    default:
      break;
  }
  return absl::DataLossError("a frame that was not asked for");
}

absl::Status ParameterClient::TakeError(size_t server,
                                        const absl::Status& refusal) {
  absl::MutexLock lock(&mutex_);
  if (!absl::IsOutOfRange(refusal) || due_[server].blocks == 0) return refusal;
  // One block's answer to a read; the others answer, too.
  --due_[server].blocks;
  past_ = refusal;
  return absl::OkStatus();
}

absl::Status ParameterClient::TakeBlock(size_t server,
                                        const FrameHeader& header,
                                        PayloadPieces pieces) {
  float* theta = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    if (due_[server].blocks == 0 || header.clock != awaited_clock_ ||
        header.block >= static_cast<uint32_t>(plan_.blocks_size())) {
      return absl::DataLossError("a block that was not asked for");
    }
    theta = theta_;
  }
  const Block& block = plan_.blocks(static_cast<int>(header.block));
  if (header.payload_bytes != block.elements() * sizeof(float)) {
    return absl::DataLossError(
        absl::StrCat("block ", header.block, " has ", header.payload_bytes,
                     " bytes, the plan says ", block.elements(), " floats"));
  }
  char* target = reinterpret_cast<char*>(theta + block.offset());
  for (const absl::Span<const char> piece : pieces) {
    std::memcpy(target, piece.data(), piece.size());
    target += piece.size();
  }
  absl::MutexLock lock(&mutex_);
  updates_[header.block] = header.updates;
  --due_[server].blocks;
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
  for (const auto& channel : channels_) {
    if (channel != nullptr) channel->Cancel();
  }
}

}  // namespace hawser
