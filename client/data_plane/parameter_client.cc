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
      blocks_on_(static_cast<size_t>(plan.servers_size()), 0) {
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

absl::Status ParameterClient::Push(uint64_t step, TreeNode tree_node,
                                   const float* gradient,
                                   const SampleSums& sums) {
  FrameHeader header = Header(FrameKind::kPush, step);
  header.tree_node = tree_node;
  for (int b = plan_.blocks_size() - 1; b >= 0; --b) {
    const Block& block = plan_.blocks(b);
    const absl::Span<const char> payload(
        reinterpret_cast<const char*>(gradient + block.offset()),
        block.elements() * sizeof(float));
    header.block = block.id();
    header.sums = block.id() == 0 ? sums : SampleSums();
    header.payload_bytes = static_cast<uint32_t>(payload.size());
    header.payload_crc32c = Crc32c(payload.data(), payload.size());
    RETURN_IF_ERROR(channels_[block.server()]->Send(header, payload));
  }
  return absl::OkStatus();
}

absl::Status ParameterClient::Pull(uint64_t version, float* theta) {
  FrameHeader request = Header(FrameKind::kPull, version);
  request.block = kAllBlocks;
  for (const auto& channel : channels_) {
    if (channel == nullptr) continue;
    RETURN_IF_ERROR(channel->Send(request, {}));
  }
  for (size_t server = 0; server < channels_.size(); ++server) {
    for (int i = 0; i < blocks_on_[server]; ++i) {
      RETURN_IF_ERROR(ReceiveBlock(channels_[server].get(), version, theta));
    }
  }
  return absl::OkStatus();
}

absl::Status ParameterClient::ReceiveBlock(ParameterChannel* channel,
                                           uint64_t version, float* theta) {
  return channel->Receive([&](const FrameHeader& header,
                              PayloadPieces pieces) -> absl::Status {
    if (header.kind == FrameKind::kError) return Refusal(header, pieces);
    if (header.kind != FrameKind::kBlock || header.job != plan_.job() ||
        header.incarnation != plan_.incarnation() || header.clock != version ||
        header.block >= static_cast<uint32_t>(plan_.blocks_size())) {
      return absl::DataLossError("a frame that was not asked for");
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
    return absl::OkStatus();
  });
}

void ParameterClient::Cancel() {
  for (const auto& channel : channels_) {
    if (channel != nullptr) channel->Cancel();
  }
}

}  // namespace hawser
