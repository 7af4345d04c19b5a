// EtcdClient over gRPC: any of several endpoints of one etcd cluster, with TLS
// and a user where etcd asks for them.
#ifndef HAWSER_SCHEDULER_ETCD_GRPC_ETCD_CLIENT_H_
#define HAWSER_SCHEDULER_ETCD_GRPC_ETCD_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/etcd/etcd_client.h"

namespace hawser {

struct EtcdOptions {
  std::vector<std::string> endpoints;  // HOST:PORT
  // Holds ca.crt, and tls.crt and tls.key if etcd asks clients for them; read
  // at the start. Empty: no TLS.
  std::string tls_directory;
  std::string user;  // empty: etcd asks for none
  std::string password;
  // For an answer. What reads many keys has longer.
  absl::Duration deadline = absl::Seconds(1);
};

// INVALID_ARGUMENT: the options. Connects when first used; an endpoint that
// does not answer is left for the next one.
absl::StatusOr<std::unique_ptr<EtcdClient>> MakeGrpcEtcdClient(
    const EtcdOptions& options);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_GRPC_ETCD_CLIENT_H_
