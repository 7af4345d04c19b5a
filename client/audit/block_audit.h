// The rules of docs/audit_format.md for the records of one block, in the order
// in which they happened.
//
// Keeps the clocks of the workers that take part, the numbers of those that
// left, and the open steps. Pure: no I/O. Not thread-safe.
#ifndef HAWSER_CLIENT_AUDIT_BLOCK_AUDIT_H_
#define HAWSER_CLIENT_AUDIT_BLOCK_AUDIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/audit/audit_report.h"
#include "client/audit/block_stay.h"
#include "client/audit/phases.h"
#include "client/audit/record.h"
#include "client/audit/step_ledger.h"

namespace hawser {

class BlockAudit {
 public:
  // Is told each violation, as a sentence.
  using Complain = absl::FunctionRef<void(AuditRule, std::string)>;

  // The block begins with so many steps complete: 0, or those that the job was
  // rolled back to.
  BlockAudit(uint64_t micro_batches, uint64_t first_step)
      : micro_batches_(micro_batches), steps_(micro_batches, first_step) {}

  uint64_t complete_steps() const { return steps_.complete_steps(); }

  // One that has come from another server; the phases of what it has counted
  // may not be known yet.
  BlockAudit(uint64_t micro_batches, const ArriveRecord& arrive);

  // What has been counted here and before: what the next server must begin
  // with. Steps that are not complete are left behind where they are
  // synchronous.
  BlockStay::Counted Counted(const AuditPhases& phases) const;
  // See BlockStay.
  const std::vector<bool>& ahead() const { return ahead_; }

  // DATA_LOSS, from each: the record is of a worker that never took part, or of
  // a step that no phase covers.
  void Join(const JoinRecord& join);
  absl::Status Leave(const LeaveRecord& leave);
  absl::Status Push(const PushRecord& push, const AuditPhases& phases,
                    Complain complain);
  absl::Status Repeat(const RepeatRecord& repeat, const AuditPhases& phases,
                      Complain complain);
  absl::Status Tick(const TickRecord& tick);
  // Returns the staleness of the read.
  absl::StatusOr<uint64_t> Read(const ReadRecord& read,
                                const AuditPhases& phases, Complain complain);

 private:
  absl::Status CheckKnown(uint64_t node) const;
  // The worker has done push number `clock`.
  void Advance(uint64_t node, uint64_t clock, const AuditPhase& phase,
               Complain complain);
  void CheckRange(const PushRecord& push, const AuditPhase& phase,
                  Complain complain);
  uint64_t ReadSynchronous(const ReadRecord& read, Complain complain) const;
  uint64_t ReadWithSlack(const ReadRecord& read, const AuditPhase& phase,
                         Complain complain) const;
  void CheckClocks(const ReadRecord& read, Complain complain) const;

  uint64_t micro_batches_;
  StepLedger steps_;
  std::vector<bool> ahead_;
  absl::btree_map<uint64_t, uint64_t> clocks_;  // of those that take part
  absl::flat_hash_set<uint64_t> left_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_BLOCK_AUDIT_H_
