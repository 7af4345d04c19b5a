// The part of etcd that the scheduler uses, in memory, for tests: keys with
// revisions, transactions, leases that end by the clock it is given.
//
// Itself a client that always answers at once; tests lose and delay what is
// asked of it.
//
// Thread-safe.
#ifndef HAWSER_SCHEDULER_ETCD_MEMORY_ETCD_H_
#define HAWSER_SCHEDULER_ETCD_MEMORY_ETCD_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "scheduler/etcd/etcd_client.h"

namespace hawser {

class MemoryEtcd : public EtcdClient {
 public:
  // clock outlives it.
  explicit MemoryEtcd(const Clock* clock) : clock_(clock) {}

  absl::StatusOr<etcdserverpb::RangeResponse> Range(
      const etcdserverpb::RangeRequest& request) override;
  absl::StatusOr<etcdserverpb::TxnResponse> Txn(
      const etcdserverpb::TxnRequest& request) override;
  absl::StatusOr<Lease> Grant(absl::Duration time_to_live) override;
  absl::StatusOr<Lease> KeepAlive(int64_t lease) override;
  absl::Status Revoke(int64_t lease) override;

  // As somebody else would.
  void Put(const std::string& key, const std::string& value);
  void Delete(const std::string& key);
  // Of a key; empty: it is not there.
  std::string Value(const std::string& key);
  size_t size();  // keys

 private:
  struct Granted {
    absl::Duration time_to_live;
    absl::Time over;
  };

  void Expire() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DeleteKeysOf(int64_t lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Holds(const etcdserverpb::Compare& compare) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  etcdserverpb::RangeResponse Find(const etcdserverpb::RangeRequest& request)
      const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Set(const etcdserverpb::PutRequest& put)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int64_t Erase(const std::string& key, const std::string& range_end)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock* const clock_;
  absl::Mutex mutex_;
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<std::string, etcdserverpb::KeyValue> keys_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, Granted> leases_ ABSL_GUARDED_BY(mutex_);
  int64_t next_lease_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_MEMORY_ETCD_H_
