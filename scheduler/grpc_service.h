// The scheduler's RPCs over gRPC: a line a method.
#ifndef HAWSER_SCHEDULER_GRPC_SERVICE_H_
#define HAWSER_SCHEDULER_GRPC_SERVICE_H_

#include <memory>

#include "grpcpp/impl/service_type.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {

// driver outlives the service.
std::unique_ptr<grpc::Service> MakeGrpcService(SchedulerDriver* driver);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_GRPC_SERVICE_H_
