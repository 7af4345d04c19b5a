// All that a scheduler has of etcd: the journal, and the office for which it
// stands for election.
//
// Thread-safe, but for Begin and Stop.
#ifndef HAWSER_SCHEDULER_ETCD_ETCD_OFFICE_H_
#define HAWSER_SCHEDULER_ETCD_ETCD_OFFICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/steady_clock.h"
#include "common/threads.h"
#include "scheduler/etcd/election.h"
#include "scheduler/etcd/etcd_client.h"
#include "scheduler/etcd/etcd_journal.h"
#include "scheduler/etcd/standby.h"
#include "scheduler/journal.h"

namespace hawser {

class EtcdOffice {
 public:
  struct Options {
    std::string endpoints;           // HOST:PORT,...
    std::string prefix = "/hawser";  // of all keys
    std::string tls_directory;
    std::string user;
    std::string password_file;
    absl::Duration lease = absl::Seconds(5);
  };

  // INVALID_ARGUMENT: the options. Nobody is asked yet.
  static absl::StatusOr<std::unique_ptr<EtcdOffice>> Open(
      const Options& options, Threads* threads);

  // Stands for election; address: where this scheduler is reached.
  void Begin(const LeaderAddress& address, Standby::Office office);
  // Leaves the office and the election.
  void Stop();
  // Why it never can lead, if so.
  absl::Status failure() const;

  Journal* journal() { return &journal_; }
  // Who leads, or why that is not known; for people.
  std::string DescribeLeader() const { return election_.Describe(); }
  // The URL of the leader's dashboard; empty: it is not known.
  std::string LeadersDashboard() const { return election_.LeadersDashboard(); }

 private:
  EtcdOffice(const Options& options, std::unique_ptr<EtcdClient> etcd,
             Threads* threads);

  Threads* const threads_;
  const SteadyClock clock_;
  const std::unique_ptr<EtcdClient> etcd_;
  Election election_;
  EtcdJournal journal_;
  std::unique_ptr<Standby> standby_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_ETCD_OFFICE_H_
