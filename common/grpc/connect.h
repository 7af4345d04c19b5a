// Connections to gRPC targets that gRPC does not make.
#ifndef HAWSER_COMMON_GRPC_CONNECT_H_
#define HAWSER_COMMON_GRPC_CONNECT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/file_descriptor.h"

namespace hawser {

// target: "HOST:PORT". The first of the host's addresses that answers until
// limit; the socket does not block, does not wait to send, and has the send
// buffer of socket_buffers.h. UNAVAILABLE: none answers. CANCELLED: wake, an
// eventfd, is readable.
absl::StatusOr<FileDescriptor> Connect(const std::string& target,
                                       const FileDescriptor& wake,
                                       absl::Time limit);

// Until the socket has the event (poll) or has failed, or wake is readable.
// UNAVAILABLE: limit has come first.
absl::Status AwaitSocket(const FileDescriptor& socket, int16_t event,
                         const FileDescriptor& wake, absl::Time limit);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_CONNECT_H_
