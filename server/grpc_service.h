// The parameter server's RPCs over gRPC: frames between streams and shards,
// nothing else.
#ifndef HAWSER_SERVER_GRPC_SERVICE_H_
#define HAWSER_SERVER_GRPC_SERVICE_H_

#include <memory>

#include "grpcpp/impl/service_type.h"
#include "server/intake.h"
#include "server/server_driver.h"

namespace hawser {

// driver and intake, to which frames go, outlive the service.
std::unique_ptr<grpc::Service> MakeGrpcService(ServerDriver* driver,
                                               Intake* intake);

}  // namespace hawser

#endif  // HAWSER_SERVER_GRPC_SERVICE_H_
