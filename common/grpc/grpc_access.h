// The one place where calls of gRPC are let through or refused, and those that
// change something are written down.
#ifndef HAWSER_COMMON_GRPC_GRPC_ACCESS_H_
#define HAWSER_COMMON_GRPC_GRPC_ACCESS_H_

#include <functional>
#include <memory>
#include <string>

#include "common/security/access_guard.h"
#include "common/security/access_log.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/security/auth_metadata_processor.h"
#include "grpcpp/support/server_interceptor.h"

namespace hawser {

// Asks the guard about every call, of any service, before its message is read;
// what it refuses no handler sees. recent_peers: for the log.
std::shared_ptr<grpc::AuthMetadataProcessor> MakeAccessCheck(
    const AccessGuard* guard, std::function<std::string()> recent_peers);

// Writes calls that change something to the log, with their results. guard:
// tells who calls; null: everybody may. Both outlive the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
MakeAccessRecorder(const AccessGuard* guard, AccessLog* log);

// Of a call that was let through; null: of a daemon without tokens, where
// everybody may do everything.
std::unique_ptr<Identity> CallerOf(const grpc::ServerContextBase& context,
                                   const AccessGuard* guard);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_GRPC_ACCESS_H_
