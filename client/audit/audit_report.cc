#include "client/audit/audit_report.h"

namespace hawser {

absl::string_view AuditRuleName(AuditRule rule) {
  switch (rule) {
    case AuditRule::kExactlyOnce:
      return "exactly once";
    case AuditRule::kCompleteSteps:
      return "complete steps";
    case AuditRule::kSynchronous:
      return "synchronous";
    case AuditRule::kStaleness:
      return "staleness";
    case AuditRule::kClocks:
      return "clocks";
    case AuditRule::kMembers:
      return "members";
  }
  return "";
}

uint64_t Distribution::Percentile(uint64_t percent) const {
  // Whole numbers, rounded up: no rounding of a quotient can move the answer.
  const uint64_t wanted =
      total_ / 100 * percent + (total_ % 100 * percent + 99) / 100;
  uint64_t seen = 0;
  for (const auto& [value, count] : counts_) {
    seen += count;
    if (seen >= wanted) return value;
  }
  return max();
}

AuditServerCounts AuditReport::Total() const {
  AuditServerCounts total;
  for (const AuditServerCounts& server : servers) {
    total.blocks += server.blocks;
    total.reads += server.reads;
    total.pushes += server.pushes;
    total.repeats += server.repeats;
  }
  return total;
}

}  // namespace hawser
