// A SchedulerClient over gRPC.
#ifndef HAWSER_CLIENT_CONTROL_GRPC_SCHEDULER_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_GRPC_SCHEDULER_CLIENT_H_

#include <memory>
#include <string>

#include "client/control/scheduler_client.h"

namespace hawser {

class GrpcCaller;

// addresses: a gRPC target, "HOST:PORT" or "unix:/path", or several with commas
// between, of which one leads (failover_scheduler_client.h). caller: null for
// plain text and no token. Connects when first used and again when the
// connection breaks.
std::unique_ptr<SchedulerClient> MakeGrpcSchedulerClient(
    const std::string& addresses,
    std::shared_ptr<const GrpcCaller> caller = nullptr);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_GRPC_SCHEDULER_CLIENT_H_
