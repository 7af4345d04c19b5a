// What a gRPC target says about the host behind it.
#ifndef HAWSER_COMMON_GRPC_TARGET_H_
#define HAWSER_COMMON_GRPC_TARGET_H_

#include <string>

namespace hawser {

bool IsUnixTarget(const std::string& target);

// "HOST" of "HOST:PORT", without brackets; of a unix socket "localhost".
std::string HostOfTarget(const std::string& target);

// Whether what is sent there cannot leave this host: a unix socket, "localhost"
// or a literal address of loopback. Any other name may lead anywhere.
bool IsOfThisHost(const std::string& target);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_TARGET_H_
