// Carries gradient norms to the other servers of a job over gRPC.
//
// Thread-safe. Send returns at once; a norm that does not arrive is logged and
// forgotten, since the shard sends again.
#ifndef HAWSER_SERVER_GRPC_NORM_CARRIER_H_
#define HAWSER_SERVER_GRPC_NORM_CARRIER_H_

#include <map>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "common/grpc/grpc_caller.h"
#include "proto/parameter_server.grpc.pb.h"
#include "server/parameter_shard.h"

namespace hawser {

class GrpcNormCarrier : public NormCarrier {
 public:
  // caller: null for plain text and no token.
  explicit GrpcNormCarrier(std::shared_ptr<const GrpcCaller> caller = nullptr);
  ~GrpcNormCarrier() override;  // waits for the calls under way

  void Send(const std::string& address,
            const ShareNormsRequest& norms) override;

 private:
  const std::shared_ptr<const GrpcCaller> caller_;
  absl::Mutex mutex_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::unique_ptr<ParameterServer::Stub>> stubs_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_SERVER_GRPC_NORM_CARRIER_H_
