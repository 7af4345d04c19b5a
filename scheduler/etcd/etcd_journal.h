// The journal in etcd, shared by several schedulers of which one leads. How it
// lies there: docs/etcd.md.
//
//   (not the leader's) --Replay, while the seat leads--> the leader's
//   the leader's --the seat is lost, or an append is never answered-->
//       (not the leader's); Replay starts over
//
// What holds whatever is delayed, repeated or not answered:
// - Every transaction proves that the leader's key is the one that this
//   scheduler has made, and that the last number is the one it knows. So
//   nobody else's is ever between two of its own, and one that arrives late
//   does nothing.
// - An append that is not answered is sent again, the same bytes at the same
//   number, until its fate is known: the journal's head says whether it has
//   happened. If that cannot be learned while the seat leads, this journal is
//   at its end: what was appended is found by the next Replay, and nobody was
//   told that it was not.
//
// Thread-compatible, but for CheckLeads, which any thread may call.
#ifndef HAWSER_SCHEDULER_ETCD_ETCD_JOURNAL_H_
#define HAWSER_SCHEDULER_ETCD_ETCD_JOURNAL_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "common/threads.h"
#include "scheduler/etcd/etcd_client.h"
#include "scheduler/etcd/leader_seat.h"
#include "scheduler/journal.h"

namespace hawser {

class EtcdJournal : public Journal {
 public:
  // Below it are the keys; etcd's limit on a request is 1.5 MiB, of which this
  // is the content of a part.
  static constexpr size_t kPartBytes = 512 << 10;

  // The pointers outlive the journal.
  EtcdJournal(EtcdClient* etcd, std::string prefix, LeaderSeat* seat,
              Threads* threads, size_t part_bytes = kPartBytes);

  // UNAVAILABLE: it does not lead (any more); whether the events are in is for
  // the next Replay to say. Another error: they are not.
  absl::Status Append(const std::vector<JournalEvent>& events) override;
  // Also begins a time in office. UNAVAILABLE: it does not lead.
  absl::Status Replay(
      const std::function<void(const JournalEvent&)>& apply) override;
  absl::Status Rewrite(const Rewriter& rewrite) override;
  absl::Status CheckLeads() const override;

 private:
  struct Head {
    uint64_t first = 1;  // number of the first part
    uint64_t last = 0;   // of the last
    bool operator==(const Head&) const = default;
  };

  std::string PartKey(uint64_t number) const;
  etcdserverpb::TxnRequest Fenced() const;
  // Asks until it is answered. UNAVAILABLE: the seat is lost.
  absl::StatusOr<etcdserverpb::TxnResponse> Commit(
      const etcdserverpb::TxnRequest& request);
  absl::StatusOr<etcdserverpb::RangeResponse> Read(
      const etcdserverpb::RangeRequest& request);
  // Puts the parts after the last one; `head` is what holds after them.
  absl::Status Write(const std::vector<std::string>& parts, const Head& head);
  absl::Status WritePart(uint64_t number, const std::string& part,
                         const Head* new_head);
  absl::Status ReadHead();
  // What a rewrite has left behind: the numbers before the first.
  void RemoveOldParts();
  absl::Status ReadEvents(
      const std::function<void(const JournalEvent&)>& apply);
  absl::Status End(int64_t revision);
  absl::Status Damaged(uint64_t number) const;

  EtcdClient* const etcd_;
  const std::string prefix_;
  LeaderSeat* const seat_;
  Threads* const threads_;
  const size_t part_bytes_;

  // The time in office; 0: none.
  std::atomic<int64_t> revision_ = 0;
  bool has_head_ = false;  // else nothing was ever written
  Head head_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_ETCD_JOURNAL_H_
