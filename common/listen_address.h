// Where a daemon may listen.
#ifndef HAWSER_COMMON_LISTEN_ADDRESS_H_
#define HAWSER_COMMON_LISTEN_ADDRESS_H_

#include <string>

#include "absl/status/status.h"

namespace hawser {

// address: "HOST:PORT" or "unix:/path". Loopback is a literal address of it, or
// "localhost"; any other name may lead anywhere and needs leave.
// INVALID_ARGUMENT: neither. PERMISSION_DENIED: beyond loopback without leave.
absl::Status CheckListenAddress(const std::string& address,
                                bool allow_insecure_network);

// "localhost", or a literal address of loopback, without brackets.
bool IsLoopbackHost(const std::string& host);

// The address with the port that was really bound.
std::string WithPort(const std::string& address, int port);

}  // namespace hawser

#endif  // HAWSER_COMMON_LISTEN_ADDRESS_H_
