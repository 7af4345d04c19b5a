#include "tests/bench/data_plane_bench_client.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "common/crc32c.h"
#include "common/threads.h"
#include "glog/logging.h"

namespace hawser {

BenchClient::BenchClient(const Plan* plan, SharedMemory* memory)
    : plan_(plan),
      gradient_(memory->Allocate(static_cast<int64_t>(plan->parameters()))),
      theta_(plan->parameters()) {
  std::fill_n(gradient_.data, plan->parameters(), 1e-3f);
}

void BenchClient::Use(const BlockChannels* channels, bool one) {
  lanes_.clear();
  for (const auto& of_server : channels->all()) {
    if (of_server.server != 0) continue;
    if (one && !lanes_.empty()) continue;
    lanes_.push_back({of_server.channel.get(), of_server.blocks,
                      of_server.carries_all || one});
    of_server.channel->PlacePayloads(
        [this](const FrameHeader& header) { return PlaceOf(header); });
  }
  if (!one) return;
  lanes_[0].blocks.clear();
  for (const Block& block : plan_->blocks()) {
    if (block.server() == 0) lanes_[0].blocks.push_back(block.id());
  }
}

FrameHeader BenchClient::Header(FrameKind kind, uint64_t clock) const {
  FrameHeader header;
  header.kind = kind;
  header.job = plan_->job();
  header.incarnation = plan_->incarnation();
  header.clock = clock;
  return header;
}

void BenchClient::OnEachLane(absl::FunctionRef<void(const Lane&)> work) {
  std::vector<std::unique_ptr<Threads::Thread>> others;
  for (size_t i = 1; i < lanes_.size(); ++i) {
    others.push_back(RealThreads()->Start([&, i] { work(lanes_[i]); }));
  }
  work(lanes_[0]);
}

void BenchClient::Send(const Lane& lane, uint64_t step, TreeNode node,
                       bool want_acks) {
  FrameHeader header = Header(FrameKind::kPush, step);
  header.tree_node = node;
  header.flags = want_acks ? kAckWanted : 0;
  for (size_t b = lane.blocks.size(); b-- > 0;) {
    const Block& block = plan_->blocks(static_cast<int>(lane.blocks[b]));
    const absl::Span<const char> payload(
        reinterpret_cast<const char*>(gradient_.data + block.offset()),
        block.elements() * sizeof(float));
    header.block = block.id();
    header.payload_bytes = static_cast<uint32_t>(payload.size());
    if (lane.channel->NeedsChecksum(payload)) {
      header.payload_crc32c = Crc32c(payload.data(), payload.size());
    }
    const absl::Status status = lane.channel->Send(header, payload);
    CHECK(status.ok()) << status;
  }
}

void BenchClient::Send(uint64_t step, TreeNode node, bool want_acks) {
  OnEachLane([&](const Lane& lane) { Send(lane, step, node, want_acks); });
}

void BenchClient::Push(uint64_t step, TreeNode node) {
  OnEachLane([&](const Lane& lane) {
    Send(lane, step, node, /*want_acks=*/true);
    Await(lane, FrameKind::kAck);
  });
}

void BenchClient::Pull(uint64_t version) {
  OnEachLane([&](const Lane& lane) {
    FrameHeader header = Header(FrameKind::kPull, version);
    std::vector<uint32_t> asked = {kAllBlocks};
    if (!lane.has_all) asked = lane.blocks;
    for (const uint32_t block : asked) {
      header.block = block;
      const absl::Status status = lane.channel->Send(header, {});
      CHECK(status.ok()) << status;
    }
    Await(lane, FrameKind::kBlock);
  });
}

char* BenchClient::PlaceOf(const FrameHeader& header) {
  if (header.kind != FrameKind::kBlock) return nullptr;
  const Block& block = plan_->blocks(static_cast<int>(header.block));
  return reinterpret_cast<char*>(theta_.data() + block.offset());
}

void BenchClient::Await(const Lane& lane, FrameKind kind) {
  for (size_t b = 0; b < lane.blocks.size(); ++b) {
    const absl::Status status = lane.channel->Receive(
        [&](const FrameHeader& header, PayloadPieces pieces) {
          CHECK(header.kind == kind)
              << "a frame of kind " << static_cast<int>(header.kind);
          char* to = PlaceOf(header);
          for (const absl::Span<const char> piece : pieces) {
            if (piece.data() != to) {
              std::memcpy(to, piece.data(), piece.size());
            }
            to += piece.size();
          }
          return absl::OkStatus();
        });
    CHECK(status.ok()) << status;
  }
}

}  // namespace hawser
