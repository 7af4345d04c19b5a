// Which of several schedulers leads, as one of them sees it: whoever holds a
// key of etcd, which goes with its lease.
//
//   standby    --Looked: nobody leads-->         candidate, without a lease
//   candidate  --Granted-->                      candidate, with a lease
//   candidate  --Claimed: the key is its own-->  leader
//   candidate  --Claimed: another's-->           standby
//   candidate, leader --lease over by this clock, or Resign--> standby
//   leader     --Renewed: the lease is gone-->   standby
//
// A leader counts its lease from when it last sent for it, and stops a margin
// before it ends (Leads). So by its clock it has stopped before etcd lets
// anybody else lead. Clocks that run at other speeds by more than the margin
// cost nothing that is durable: each append to the journal proves in its
// transaction that the key is still the leader's (etcd_journal.h).
//
// A lease serves one attempt to lead and is given up with it.
//
//   Leadership leadership({absl::Seconds(5)});
//   switch (leadership.NextStep(now)) {
//     case Leadership::Step::kLook: ...; leadership.Looked(leader, now); ...
//
// Pure: time is an argument, of a clock that is never set.
#ifndef HAWSER_SCHEDULER_STATE_LEADERSHIP_H_
#define HAWSER_SCHEDULER_STATE_LEADERSHIP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"

namespace hawser {

class Leadership {
 public:
  struct Options {
    // Asked for; etcd may give a longer one.
    absl::Duration lease = absl::Seconds(5);
  };
  // What is known of the leader's key.
  struct Holder {
    int64_t revision = 0;  // of its creation: no two leaders have the same
    int64_t lease = 0;
    std::string address;
  };
  // What to ask etcd next.
  enum class Step { kWait, kLook, kAskForLease, kClaim, kRenew, kGiveUpLease };

  explicit Leadership(Options options) : options_(options) {}

  Step NextStep(absl::Time now) const;
  // When it is another than kWait, or Leads() ends. InfiniteFuture: never.
  absl::Time NextDeadline() const;

  // --- etcd's answers. sent: when it was asked. ---

  // Nothing: nobody leads.
  void Looked(const std::optional<Holder>& holder, absl::Time now);
  void Granted(int64_t lease, absl::Duration time_to_live, absl::Time sent,
               absl::Time now);
  // Who has the key now; it may be another.
  void Claimed(const Holder& holder, absl::Time now);
  // time_to_live of 0: the lease is gone.
  void Renewed(absl::Duration time_to_live, absl::Time sent, absl::Time now);
  void LeaseGivenUp(int64_t lease);
  // No answer, or an error, to whatever was asked.
  void Failed(absl::Time now);

  // --- From within ---

  // Found out otherwise that it does not lead, or does not want to.
  void Resign(absl::Time now);
  // What its clock alone changes. True: it led, and does not any more.
  bool Tick(absl::Time now);

  // The number of the time in office; nothing: it does not lead.
  std::optional<int64_t> Leads(absl::Time now) const;
  // Who leads, as far as is known; it may be this one.
  const std::optional<Holder>& holder() const { return holder_; }
  // Of the attempt under way; 0: none.
  int64_t lease() const { return lease_; }
  // To be given up; 0: none.
  int64_t old_lease() const { return old_lease_; }

 private:
  enum class State { kStandby, kCandidate, kLeader };

  absl::Duration Margin() const { return options_.lease / 5; }
  void StandBy(absl::Time now);
  void Extend(absl::Duration time_to_live, absl::Time sent, absl::Time now);

  const Options options_;
  State state_ = State::kStandby;
  std::optional<Holder> holder_;
  int64_t lease_ = 0;
  int64_t old_lease_ = 0;
  absl::Time lease_over_ = absl::InfinitePast();  // less the margin
  absl::Time next_try_ = absl::InfinitePast();
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_LEADERSHIP_H_
