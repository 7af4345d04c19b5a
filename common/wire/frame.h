// The data plane's message: a fixed header and a payload of raw floats.
// docs/wire_format.md is the format's page and changes with this file.
//
// Thread-safe: plain values and pure functions.
#ifndef HAWSER_COMMON_WIRE_FRAME_H_
#define HAWSER_COMMON_WIRE_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/metrics.h"
#include "common/micro_batch_tree.h"

namespace hawser {

enum class FrameKind : uint16_t {
  kPush = 1,   // worker to server: a partial sum of gradients of one block
  kPull = 2,   // worker to server: send block at version `clock`
  kBlock = 3,  // server to worker: a block's parameters at version `clock`
  kError = 4,  // server to worker: payload is a message, flags a status code
  // Where updates are made once per step:
  //   kPush, kPull, kBlock; where each push is applied on arrival:
  kPushRun = 5,  // worker to server: the sum of the gradients of one block over
                 // `run` micro-batches from `position` on
  kRead = 6,     // worker to server: send block once it holds what the bound on
                 // staleness asks for at the worker's clock
  kTick = 7,  // worker to server: the worker's clock, which has no push to tell
  kAck = 8,   // server to worker: the push has been counted, or is a repeat
  // To and from the server of block 0; payload is a message of
  // parameter_server.proto:
  kLeaseRequest = 9,
  kLease = 10,
  // Between servers, for a block that moves from one to the other:
  kFetch = 11,       // send all there is of the block
  kBlockState = 12,  // a part of it, number `position`
  // Between servers, from a block's to the one that keeps its replica; answered
  // by kAck:
  kUpdate =
      13,  // the sum of the gradients of step `clock`, and how to apply it
  kReplicaRun = 14,     // a push of a run, as it came
  kReplicaLeases = 15,  // of block 0: what is left to lease
  // On a connection of its own (direct_stream.h):
  kOpen = 16,  // the first from the client, whose payload says who it is, and
               // the server's answer that it may go on
  kEnd = 17    // the last of a stream that the server cuts: why, as kError
};

// In `flags` of a push: answer it by kAck.
inline constexpr uint16_t kAckWanted = 1;
// In `flags` of a push, not of a run: then send the block at version
// `clock` + 1, as if a pull of it followed.
inline constexpr uint16_t kNextWanted = 2;
// In `flags` of a pull, read or push that asks for a block: send it in float32,
// whatever the job's codec.
inline constexpr uint16_t kExactWanted = 4;
// In `flags` of a push: what was computed for it is not finite and is not in
// its payload; it counts as computed, and changes no parameter (GuardsSpec).
inline constexpr uint16_t kVoid = 8;
// In `flags` of an ack: it had been counted before.
inline constexpr uint16_t kRepeated = 1;

// How the floats of a payload are written. The others are named in
// common/codec/; which of them a job takes is for the job's block to check.
enum class CodecId : uint16_t { kFloat32 = 0 };
inline constexpr uint16_t kMaxCodecId = 63;

// In a pull: every block that the server holds for the job.
inline constexpr uint32_t kAllBlocks = 0xffffffff;

// The position of a read that takes the parameters as they are, once `clock`
// steps are complete: to measure them, not to compute gradients with.
inline constexpr uint64_t kAnyPosition = ~uint64_t{0};

// How each header begins.
inline constexpr std::array<char, 4> kFrameMagic = {'H', 'W', 'S', 'R'};
inline constexpr size_t kFrameHeaderBytes = 112;
// The largest payload: a block of 1 Mi float32.
inline constexpr size_t kMaxPayloadBytes = size_t{4} << 20;

struct FrameHeader {
  FrameKind kind = FrameKind::kPush;
  CodecId codec = CodecId::kFloat32;
  uint16_t flags = 0;  // kError: the absl::StatusCode
  uint64_t job = 0;
  uint64_t incarnation = 0;
  uint64_t node = 0;  // the sender's node number
  // push: the step; pull and its block: the version; push of a run, read and
  // its block, tick: the worker's clock
  uint64_t clock = 0;
  uint32_t block = 0;
  TreeNode tree_node;  // push: the micro-batches that the sum covers
  SampleSums sums;     // pushes of block 0: sums over those micro-batches
  // push of a run: its first micro-batch, counted through all steps (step * M +
  // micro-batch); read: that of the run to be computed
  uint64_t position = 0;
  uint32_t run = 0;  // push of a run: how many micro-batches
  // block: updates made to it so far; push of a run: the same number, of the
  // parameters that the gradient was computed at
  uint64_t updates = 0;
  uint32_t payload_bytes = 0;
  uint32_t payload_crc32c = 0;
};

using FrameHeaderBytes = std::array<char, kFrameHeaderBytes>;

// Seals the header with its own checksum.
FrameHeaderBytes EncodeFrameHeader(const FrameHeader& header);

// DATA_LOSS: damaged or foreign bytes (magic, version, checksum, a field out of
// its range); nothing of the frame may be used.
absl::StatusOr<FrameHeader> DecodeFrameHeader(const FrameHeaderBytes& bytes);

// A payload as it lies in memory: pieces in order, cut anywhere.
using PayloadPieces = absl::Span<const absl::Span<const char>>;

// DATA_LOSS unless the pieces have the header's length and checksum.
absl::Status CheckPayload(const FrameHeader& header, PayloadPieces pieces);

}  // namespace hawser

#endif  // HAWSER_COMMON_WIRE_FRAME_H_
