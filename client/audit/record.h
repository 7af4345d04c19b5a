// The records of an audit history, a line each: docs/audit_format.md says what
// they mean. Nothing here is shared with the server that writes them.
#ifndef HAWSER_CLIENT_AUDIT_RECORD_H_
#define HAWSER_CLIENT_AUDIT_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hawser {

enum class AuditMode { kSynchronous, kBoundedStaleness, kAsynchronous };

// How a job is synchronised from some step on.
struct AuditPhase {
  AuditMode mode = AuditMode::kSynchronous;
  std::optional<uint64_t> staleness;  // clocks; none: no bound in clocks
  std::optional<uint64_t> window_ms;
};

struct HeaderRecord {  // H
  std::string job;
  uint64_t server = 0;
  uint64_t micro_batches = 0;  // of a step, at least 1
};

struct BlockRecord {  // B
  uint64_t block = 0;
};

struct ArriveRecord {  // A, K
  uint64_t block = 0;
  uint64_t since = 0;  // the incarnation by which it has moved here
  uint64_t steps = 0;
  // Counted of later steps: micro-batches [first, last) through all steps, in
  // order and apart.
  std::vector<std::pair<uint64_t, uint64_t>> counted;
  bool takes_over = false;  // K
};

struct RollBackRecord {  // V
  uint64_t incarnation = 0;
  uint64_t step = 0;
};

struct PhaseRecord {  // M
  uint64_t from_step = 0;
  AuditPhase phase;
};

struct JoinRecord {  // J
  uint64_t block = 0;
  uint64_t node = 0;
  uint64_t clock = 0;
};

struct LeaveRecord {  // L
  uint64_t block = 0;
  uint64_t node = 0;
};

struct PushRecord {  // P
  uint64_t block = 0;
  uint64_t node = 0;
  uint64_t clock = 0;
  uint64_t step = 0;
  uint64_t first = 0;  // micro-batches [first, last)
  uint64_t last = 0;
  uint64_t lag = 0;
};

struct RepeatRecord {  // D
  uint64_t block = 0;
  uint64_t node = 0;
  uint64_t clock = 0;
};

struct TickRecord {  // T
  uint64_t block = 0;
  uint64_t node = 0;
  uint64_t clock = 0;
};

struct ReadRecord {  // R
  uint64_t block = 0;
  uint64_t node = 0;
  uint64_t clock = 0;
  uint64_t step = 0;
  // (node, clock) as the server saw them, no node twice; none: synchronous.
  std::optional<std::vector<std::pair<uint64_t, uint64_t>>> clocks;
};

using AuditRecord =
    std::variant<HeaderRecord, RollBackRecord, BlockRecord, ArriveRecord,
                 PhaseRecord, JoinRecord, LeaveRecord, PushRecord, RepeatRecord,
                 TickRecord, ReadRecord>;

// Where a record is; the first line is 1.
struct RecordPlace {
  absl::string_view file;
  uint64_t line = 0;
};

// Numbers in a history are below this, so that adding one never wraps.
inline constexpr uint64_t kAuditNumberLimit = uint64_t{1} << 63;

// Parses a line without its newline. DATA_LOSS: it is no record; the message
// says what is wrong with it, but not where it is.
absl::StatusOr<AuditRecord> ParseAuditRecord(absl::string_view line);

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_RECORD_H_
