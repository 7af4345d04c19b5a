// A MemberLogClient over gRPC.
#ifndef HAWSER_CLIENT_CONTROL_GRPC_MEMBER_LOG_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_GRPC_MEMBER_LOG_CLIENT_H_

#include <memory>
#include <string>

#include "client/control/member_log_client.h"

namespace hawser {

class GrpcCaller;

// addresses: the scheduler's; several, with commas between, as of
// MakeGrpcSchedulerClient. caller: null for plain text and no token.
std::unique_ptr<MemberLogClient> MakeGrpcMemberLogClient(
    const std::string& addresses,
    std::shared_ptr<const GrpcCaller> caller = nullptr);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_GRPC_MEMBER_LOG_CLIENT_H_
