#include "tests/simulation/etcd_link.h"

#include <memory>
#include <utility>

namespace hawser::simulation {

template <typename Response>
absl::StatusOr<Response> EtcdLink::Call(
    absl::string_view name,
    std::function<absl::StatusOr<Response>(MemoryEtcd*)> serve) {
  const auto result = std::make_shared<Response>();
  // gRPC may send a request twice before a server has seen it; a transaction
  // that arrives twice must do no harm either way.
  const absl::Status status = network_->Call(
      process_, server_, name, deadline_, /*may_repeat=*/true,
      Network::Loss::kResetOrDeadline,
      [etcd = etcd_, result,
       serve = std::move(serve)](std::shared_ptr<Network::Answer> answer) {
        auto response = serve(etcd);
        absl::Status done = response.status();
        Network::Answer::Send(
            std::move(answer), std::move(done),
            [result, response] { *result = *std::move(response); });
      });
  if (!status.ok()) return status;
  return std::move(*result);
}

absl::StatusOr<etcdserverpb::RangeResponse> EtcdLink::Range(
    const etcdserverpb::RangeRequest& request) {
  return Call<etcdserverpb::RangeResponse>(
      "Range", [request](MemoryEtcd* etcd) { return etcd->Range(request); });
}

absl::StatusOr<etcdserverpb::TxnResponse> EtcdLink::Txn(
    const etcdserverpb::TxnRequest& request) {
  return Call<etcdserverpb::TxnResponse>(
      "Txn", [request](MemoryEtcd* etcd) { return etcd->Txn(request); });
}

absl::StatusOr<EtcdClient::Lease> EtcdLink::Grant(absl::Duration time_to_live) {
  return Call<Lease>("Grant", [time_to_live](MemoryEtcd* etcd) {
    return etcd->Grant(time_to_live);
  });
}

absl::StatusOr<EtcdClient::Lease> EtcdLink::KeepAlive(int64_t lease) {
  return Call<Lease>("KeepAlive", [lease](MemoryEtcd* etcd) {
    return etcd->KeepAlive(lease);
  });
}

absl::Status EtcdLink::Revoke(int64_t lease) {
  return Call<bool>("Revoke",
                    [lease](MemoryEtcd* etcd) -> absl::StatusOr<bool> {
                      const absl::Status status = etcd->Revoke(lease);
                      if (!status.ok()) return status;
                      return true;
                    })
      .status();
}

}  // namespace hawser::simulation
