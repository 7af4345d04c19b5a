#include "tests/bench/data_plane_bench_client.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "common/crc32c.h"
#include "glog/logging.h"

namespace hawser {

BenchClient::BenchClient(const Plan* plan, SharedMemory* memory)
    : plan_(plan),
      gradient_(memory->Allocate(static_cast<int64_t>(plan->parameters()))),
      theta_(plan->parameters()) {
  std::fill_n(gradient_.data, plan->parameters(), 1e-3f);
  for (const Block& block : plan->blocks()) blocks_ += block.server() == 0;
}

FrameHeader BenchClient::Header(FrameKind kind, uint64_t clock) const {
  FrameHeader header;
  header.kind = kind;
  header.job = plan_->job();
  header.incarnation = plan_->incarnation();
  header.clock = clock;
  return header;
}

void BenchClient::Send(uint64_t step, TreeNode node, bool want_acks) {
  FrameHeader header = Header(FrameKind::kPush, step);
  header.tree_node = node;
  header.flags = want_acks ? kAckWanted : 0;
  for (int b = blocks_ - 1; b >= 0; --b) {
    const Block& block = plan_->blocks(b);
    const absl::Span<const char> payload(
        reinterpret_cast<const char*>(gradient_.data + block.offset()),
        block.elements() * sizeof(float));
    header.block = block.id();
    header.payload_bytes = static_cast<uint32_t>(payload.size());
    if (channel_->NeedsChecksum(payload)) {
      header.payload_crc32c = Crc32c(payload.data(), payload.size());
    }
    const absl::Status status = channel_->Send(header, payload);
    CHECK(status.ok()) << status;
  }
}

void BenchClient::Push(uint64_t step, TreeNode node) {
  Send(step, node, /*want_acks=*/true);
  Await(FrameKind::kAck);
}

void BenchClient::Pull(uint64_t version) {
  FrameHeader header = Header(FrameKind::kPull, version);
  header.block = kAllBlocks;
  const absl::Status status = channel_->Send(header, {});
  CHECK(status.ok()) << status;
  Await(FrameKind::kBlock);
}

void BenchClient::Await(FrameKind kind) {
  for (int b = 0; b < blocks_; ++b) {
    const absl::Status status =
        channel_->Receive([&](const FrameHeader& header, PayloadPieces pieces) {
          CHECK(header.kind == kind)
              << "a frame of kind " << static_cast<int>(header.kind);
          const Block& block = plan_->blocks(static_cast<int>(header.block));
          char* to = reinterpret_cast<char*>(theta_.data() + block.offset());
          for (const absl::Span<const char> piece : pieces) {
            std::memcpy(to, piece.data(), piece.size());
            to += piece.size();
          }
          return absl::OkStatus();
        });
    CHECK(status.ok()) << status;
  }
}

}  // namespace hawser
