// What the checker of a history found: violations, and how stale reads and
// pushes were.
//
// Values. Not thread-safe.
#ifndef HAWSER_CLIENT_AUDIT_AUDIT_REPORT_H_
#define HAWSER_CLIENT_AUDIT_AUDIT_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"

namespace hawser {

// The rules of docs/audit_format.md, in its order.
enum class AuditRule {
  kExactlyOnce,
  kCompleteSteps,
  kSynchronous,
  kStaleness,
  kClocks,
  kMembers,
};

// "exactly once", as the page names it.
absl::string_view AuditRuleName(AuditRule rule);

struct AuditViolation {
  std::string file;
  uint64_t line = 0;
  AuditRule rule = AuditRule::kExactlyOnce;
  std::string sentence;
};

// How often each value was seen.
class Distribution {
 public:
  void Add(uint64_t value) {
    ++counts_[value];
    ++total_;
  }

  uint64_t total() const { return total_; }
  // 0 if nothing was added, as are the quantiles.
  uint64_t max() const { return total_ == 0 ? 0 : counts_.rbegin()->first; }
  // The smallest value that at least percent of all values do not exceed.
  uint64_t Percentile(uint64_t percent) const;
  const absl::btree_map<uint64_t, uint64_t>& counts() const { return counts_; }

 private:
  absl::btree_map<uint64_t, uint64_t> counts_;  // by value
  uint64_t total_ = 0;
};

struct AuditServerCounts {
  uint64_t server = 0;
  uint64_t blocks = 0;
  uint64_t reads = 0;
  uint64_t pushes = 0;
  uint64_t repeats = 0;
};

struct AuditReport {
  std::vector<AuditServerCounts> servers;  // in the order of their files
  Distribution staleness;                  // of the reads
  Distribution lag;                        // of the pushes
  uint64_t violations = 0;
  std::vector<AuditViolation> first_violations;

  // Over all servers.
  AuditServerCounts Total() const;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_AUDIT_REPORT_H_
