// How a job is synchronised at each step, as the M records of one server say.
//
// Not thread-safe.
#ifndef HAWSER_CLIENT_AUDIT_PHASES_H_
#define HAWSER_CLIENT_AUDIT_PHASES_H_

#include <cstdint>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/audit/record.h"

namespace hawser {

class AuditPhases {
 public:
  void Set(const PhaseRecord& record) {
    phases_[record.from_step] = record.phase;
  }

  // DATA_LOSS: no record says it.
  absl::StatusOr<AuditPhase> At(uint64_t step) const {
    const auto after = phases_.upper_bound(step);
    if (after == phases_.begin()) {
      return absl::DataLossError(
          absl::StrCat("no M record says how step ", step, " is synchronised"));
    }
    return std::prev(after)->second;
  }

 private:
  absl::btree_map<uint64_t, AuditPhase> phases_;  // by first step
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_PHASES_H_
