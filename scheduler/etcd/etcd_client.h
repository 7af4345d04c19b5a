// etcd as the scheduler sees it: keys, transactions, leases.
//
// UNAVAILABLE: no answer came, or not in time; what was asked for may have
// happened, may happen later, or not at all. Any other error is etcd's answer:
// it has not happened.
//
// Thread-safe. Every call has a deadline.
#ifndef HAWSER_SCHEDULER_ETCD_ETCD_CLIENT_H_
#define HAWSER_SCHEDULER_ETCD_ETCD_CLIENT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/etcd.pb.h"

namespace hawser {

class EtcdClient {
 public:
  struct Lease {
    int64_t id = 0;
    // From when etcd served the call; 0: there is no such lease.
    absl::Duration time_to_live;
  };

  virtual ~EtcdClient() = default;

  // Linearizable: it sees everything that was answered before it was sent.
  virtual absl::StatusOr<etcdserverpb::RangeResponse> Range(
      const etcdserverpb::RangeRequest& request) = 0;
  virtual absl::StatusOr<etcdserverpb::TxnResponse> Txn(
      const etcdserverpb::TxnRequest& request) = 0;
  virtual absl::StatusOr<Lease> Grant(absl::Duration time_to_live) = 0;
  virtual absl::StatusOr<Lease> KeepAlive(int64_t lease) = 0;
  // The keys of the lease go with it. NOT_FOUND: there is none.
  virtual absl::Status Revoke(int64_t lease) = 0;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_ETCD_CLIENT_H_
