// The scheduler's RPCs over gRPC: a line a method.
#ifndef HAWSER_SCHEDULER_GRPC_SERVICE_H_
#define HAWSER_SCHEDULER_GRPC_SERVICE_H_

#include <cstddef>
#include <memory>

#include "common/security/access_guard.h"
#include "grpcpp/impl/service_type.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {

// driver and guard outlive the service. guard: tells who calls; null: everybody
// may call everything. max_jobs_per_user: that have not ended.
std::unique_ptr<grpc::Service> MakeGrpcService(SchedulerDriver* driver,
                                               const AccessGuard* guard,
                                               size_t max_jobs_per_user);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_GRPC_SERVICE_H_
