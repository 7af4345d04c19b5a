// etcd as a process of the simulation reaches it: over the network, with
// requests that are lost, late or carried out without an answer.
//
// Not thread-safe; called on fibers of that process, without locks.
#ifndef HAWSER_TESTS_SIMULATION_ETCD_LINK_H_
#define HAWSER_TESTS_SIMULATION_ETCD_LINK_H_

#include <functional>

#include "scheduler/etcd/etcd_client.h"
#include "scheduler/etcd/memory_etcd.h"
#include "tests/simulation/network.h"

namespace hawser::simulation {

class EtcdLink : public EtcdClient {
 public:
  // The pointers outlive the link. etcd runs in the process `server`.
  EtcdLink(Network* network, Process* process, Process* server,
           MemoryEtcd* etcd, absl::Duration deadline)
      : network_(network),
        process_(process),
        server_(server),
        etcd_(etcd),
        deadline_(deadline) {}

  absl::StatusOr<etcdserverpb::RangeResponse> Range(
      const etcdserverpb::RangeRequest& request) override;
  absl::StatusOr<etcdserverpb::TxnResponse> Txn(
      const etcdserverpb::TxnRequest& request) override;
  absl::StatusOr<Lease> Grant(absl::Duration time_to_live) override;
  absl::StatusOr<Lease> KeepAlive(int64_t lease) override;
  absl::Status Revoke(int64_t lease) override;

 private:
  template <typename Response>
  absl::StatusOr<Response> Call(
      absl::string_view name,
      std::function<absl::StatusOr<Response>(MemoryEtcd*)> serve);

  Network* const network_;
  Process* const process_;
  Process* const server_;
  MemoryEtcd* const etcd_;
  const absl::Duration deadline_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_ETCD_LINK_H_
