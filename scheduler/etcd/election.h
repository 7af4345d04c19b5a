// Asks etcd for leadership, keeps it while etcd answers, and says when it is
// over: the driver around state/leadership.h.
//
//   Election election(options, etcd, &clock, RealThreads());
//   election.Start({"10.0.0.7:7070", "http://10.0.0.7:9090"});
//   while (election.AwaitOffice()) {  // false: closed
//     ... lead ...
//     election.AwaitLoss();
//     ... stop leading ...
//   }
//
// Thread-safe.
#ifndef HAWSER_SCHEDULER_ETCD_ELECTION_H_
#define HAWSER_SCHEDULER_ETCD_ELECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/threads.h"
#include "scheduler/etcd/etcd_client.h"
#include "scheduler/etcd/leader_address.h"
#include "scheduler/etcd/leader_seat.h"
#include "scheduler/state/leadership.h"

namespace hawser {

class Election : public LeaderSeat {
 public:
  struct Options {
    std::string key;  // the same for all that stand for the same office
    absl::Duration lease = absl::Seconds(5);
  };

  // etcd, clock, which nobody sets, and threads outlive the election.
  Election(Options options, EtcdClient* etcd, const Clock* clock,
           Threads* threads);
  // Stops.
  ~Election() override;

  // Stands for election. address: where this scheduler is reached.
  void Start(const LeaderAddress& address);
  // Nobody waits for an office any more, nor for its loss; it still leads, if
  // it does, until Stop.
  void Close();
  // Resigns, so that another may lead at once.
  void Stop();

  // Waits until it leads. False: closed.
  bool AwaitOffice();
  // Waits until it does not lead any more, or is closed.
  void AwaitLoss();
  // Gives up the present time in office, and soon stands for the next.
  void Resign();

  // Who leads, or why that is not known; for people.
  std::string Describe() const;
  // Of who leads; empty: nobody is known to, or it has none.
  std::string LeadersDashboard() const;

  // --- LeaderSeat ---
  const std::string& key() const override { return options_.key; }
  std::optional<int64_t> Leads() const override;
  void Lost(int64_t revision) override;

 private:
  void Run();
  // Asks without the mutex and enters the answer.
  void Take(Leadership::Step step);
  void Look();
  void AskForLease();
  void Claim();
  void Renew();
  void GiveUpLease();
  void Fail(const absl::Status& status);

  const Options options_;
  EtcdClient* const etcd_;
  const Clock* const clock_;
  Threads* const threads_;
  std::string address_;  // as etcd is told

  mutable absl::Mutex mutex_;
  Leadership leadership_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;  // what Run() waits for
  absl::Status problem_ ABSL_GUARDED_BY(mutex_);  // OK: etcd answers
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_ELECTION_H_
