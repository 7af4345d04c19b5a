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
                                 const ChannelFactory& make_channel)
    : plan_(plan),
      node_(node),
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
    header.updates = updates_[block.id()];
    header.payload_bytes = static_cast<uint32_t>(payload.size());
    header.payload_crc32c = Crc32c(payload.data(), payload.size());
    RETURN_IF_ERROR(channels_[block.server()]->Send(header, payload));
    if ((header.flags & kAckWanted) != 0) ++due_[block.server()].acks;
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
  for (const auto& channel : channels_) {
    if (channel == nullptr) continue;
    RETURN_IF_ERROR(channel->Send(header, {}));
  }
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
  theta_ = theta;
  awaited_clock_ = request.clock;
  past_ = absl::OkStatus();
  RETURN_IF_ERROR(SendToAll(header));
  for (size_t server = 0; server < channels_.size(); ++server) {
    due_[server].blocks = blocks_on_[server];
  }
  for (size_t server = 0; server < channels_.size(); ++server) {
    while (due_[server].blocks != 0) RETURN_IF_ERROR(Receive(server));
  }
  return past_;
}

absl::Status ParameterClient::AwaitAcks() {
  for (size_t server = 0; server < channels_.size(); ++server) {
    while (due_[server].acks != 0) RETURN_IF_ERROR(Receive(server));
  }
  return absl::OkStatus();
}

absl::Status ParameterClient::RequestLease(const LeaseRequest& request) {
  const std::string payload = request.SerializeAsString();
  FrameHeader header = Header(FrameKind::kLeaseRequest, 0);
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  request_ = payload;  // until it is answered
  return channels_[lease_server_]->Send(header,
                                        {request_.data(), request_.size()});
}

absl::StatusOr<Lease> ParameterClient::AwaitLease() {
  while (!lease_.has_value()) RETURN_IF_ERROR(Receive(lease_server_));
  const Lease lease = *std::move(lease_);
  lease_.reset();
  return lease;
}

absl::Status ParameterClient::Receive(size_t server) {
  return channels_[server]->Receive(
      [&](const FrameHeader& header, PayloadPieces pieces) -> absl::Status {
        if (header.kind == FrameKind::kError) {
          const absl::Status refusal = Refusal(header, pieces);
          if (!absl::IsOutOfRange(refusal) || due_[server].blocks == 0) {
            return refusal;
          }
          // One block's answer to a read; the others answer, too.
          --due_[server].blocks;
          past_ = refusal;
          return absl::OkStatus();
        }
        if (header.job != plan_.job() ||
            header.incarnation != plan_.incarnation()) {
          return absl::DataLossError("a frame of another job");
        }
        if (header.kind == FrameKind::kBlock && due_[server].blocks != 0) {
          --due_[server].blocks;
          return TakeBlock(header, pieces);
        }
        if (header.kind == FrameKind::kAck && due_[server].acks != 0) {
          --due_[server].acks;
          return absl::OkStatus();
        }
        if (header.kind == FrameKind::kLease && server == lease_server_) {
          return TakeLease(pieces);
        }
        return absl::DataLossError("a frame that was not asked for");
      });
}

absl::Status ParameterClient::TakeBlock(const FrameHeader& header,
                                        PayloadPieces pieces) {
  if (header.clock != awaited_clock_ ||
      header.block >= static_cast<uint32_t>(plan_.blocks_size())) {
    return absl::DataLossError("a block that was not asked for");
  }
  const Block& block = plan_.blocks(static_cast<int>(header.block));
  if (header.payload_bytes != block.elements() * sizeof(float)) {
    return absl::DataLossError(
        absl::StrCat("block ", header.block, " has ", header.payload_bytes,
                     " bytes, the plan says ", block.elements(), " floats"));
  }
  updates_[header.block] = header.updates;
  char* target = reinterpret_cast<char*>(theta_ + block.offset());
  for (const absl::Span<const char> piece : pieces) {
    std::memcpy(target, piece.data(), piece.size());
    target += piece.size();
  }
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
  lease_ = std::move(lease);
  return absl::OkStatus();
}

void ParameterClient::Cancel() {
  for (const auto& channel : channels_) {
    if (channel != nullptr) channel->Cancel();
  }
}

}  // namespace hawser
