// The RPC face of what members logged (member_lines.h). Thread-safe.
#ifndef HAWSER_SCHEDULER_GRPC_MEMBER_LOG_SERVICE_H_
#define HAWSER_SCHEDULER_GRPC_MEMBER_LOG_SERVICE_H_

#include <memory>

#include "grpcpp/impl/service_type.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {

// Of the jobs that the driver knows, which outlives it.
std::unique_ptr<grpc::Service> MakeGrpcMemberLogService(
    const SchedulerDriver* driver);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_GRPC_MEMBER_LOG_SERVICE_H_
