// Asks a daemon's gRPC server how it is.
#ifndef HAWSER_CLIENT_CONTROL_GRPC_HEALTH_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_GRPC_HEALTH_CLIENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace hawser {

class GrpcCaller;

// True: it is ready for work. False: it answers that it is not. UNAVAILABLE:
// nobody answers at `address` in time. Other errors: whoever answers is no
// daemon of Hawser.
absl::StatusOr<bool> AskGrpcHealth(const std::string& address,
                                   absl::Duration timeout,
                                   const GrpcCaller& caller);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_GRPC_HEALTH_CLIENT_H_
