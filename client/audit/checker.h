// Checks the histories of a job's servers against docs/audit_format.md: takes
// their records one by one, collects violations and how stale reads were.
//
// Needs memory for the blocks of one server at a time: their workers and open
// steps; and of every block for what it had counted when it came to a server
// and when it left, and a bit for each step. Pure: no I/O. Not thread-safe.
//
//   HistoryChecker checker(20);
//   RETURN_IF_ERROR(ReadHistory(directory, job,
//       [&](const RecordPlace& place, const AuditRecord& record) {
//         return checker.Take(place, record);
//       }));
//   checker.Finish();
//   if (checker.report().violations != 0) ...
#ifndef HAWSER_CLIENT_AUDIT_CHECKER_H_
#define HAWSER_CLIENT_AUDIT_CHECKER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/audit/audit_report.h"
#include "client/audit/block_audit.h"
#include "client/audit/block_stay.h"
#include "client/audit/phases.h"
#include "client/audit/record.h"

namespace hawser {

class HistoryChecker {
 public:
  // Counts all violations and keeps the first of them.
  explicit HistoryChecker(size_t violations_kept)
      : violations_kept_(violations_kept) {}

  // The next record. The servers come one after the other, each with its header
  // first, and once more after each of its roll-backs. DATA_LOSS: the record
  // cannot stand here, because one that it needs is missing; the message does
  // not say where.
  absl::Status Take(const RecordPlace& place, const AuditRecord& record);

  // After the last record: what the servers' histories are together.
  void Finish();

  const AuditReport& report() const { return report_; }

 private:
  absl::Status Do(const RecordPlace& place, const HeaderRecord& header);
  absl::Status Do(const RecordPlace& place, const RollBackRecord& roll_back);
  absl::Status Do(const RecordPlace& place, const BlockRecord& block);
  absl::Status Do(const RecordPlace& place, const ArriveRecord& arrive);
  absl::Status Do(const RecordPlace& place, const PhaseRecord& phase);
  absl::Status Do(const RecordPlace& place, const JoinRecord& join);
  absl::Status Do(const RecordPlace& place, const LeaveRecord& leave);
  absl::Status Do(const RecordPlace& place, const PushRecord& push);
  absl::Status Do(const RecordPlace& place, const RepeatRecord& repeat);
  absl::Status Do(const RecordPlace& place, const TickRecord& tick);
  absl::Status Do(const RecordPlace& place, const ReadRecord& read);

  void Come(const RecordPlace& place, uint64_t block, uint64_t since,
            const BlockStay::Counted& counted);
  void Leave(uint64_t block);
  bool HasBeenHere(uint64_t block) const;
  std::optional<BlockStay> BegunAnew(const BlockStay& before,
                                     const BlockStay& after) const;
  void CheckRollBack(uint64_t block, const std::vector<BlockStay>& stays,
                     size_t number);
  absl::StatusOr<BlockAudit*> Block(uint64_t block);
  void Complain(const RecordPlace& place, uint64_t block, AuditRule rule,
                const std::string& sentence);
  AuditServerCounts& server() { return report_.servers.back(); }

  size_t violations_kept_;
  AuditReport report_;
  uint64_t micro_batches_ = 0;                               // of every server
  absl::btree_map<uint64_t, std::vector<BlockStay>> stays_;  // by block
  AuditPhases phases_;                                       // of this server
  // Of this server, since its last roll-back; which that was.
  absl::flat_hash_map<uint64_t, BlockAudit> blocks_;
  RollBackRecord rolled_back_;
  std::map<uint64_t, uint64_t>
      roll_backs_;  // step, by incarnation; all servers'
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_CHECKER_H_
