// What a socket takes or has now, without waiting.
#ifndef HAWSER_COMMON_WIRE_SOCKET_IO_H_
#define HAWSER_COMMON_WIRE_SOCKET_IO_H_

#include <sys/socket.h>

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/file_descriptor.h"

namespace hawser {

// Sends head and then payload, but for the first *sent bytes of both, which
// have left; counts on. With the first byte goes descriptor, unless it is
// negative. True: all of it has left. UNAVAILABLE: the peer has gone.
absl::StatusOr<bool> SendRest(const FileDescriptor& socket,
                              absl::Span<const char> head,
                              absl::Span<const char> payload, int descriptor,
                              size_t* sent);

// Bytes received; 0: nothing has come. UNAVAILABLE: the peer has closed.
absl::StatusOr<size_t> ReceiveSome(const FileDescriptor& socket,
                                   msghdr* message);

}  // namespace hawser

#endif  // HAWSER_COMMON_WIRE_SOCKET_IO_H_
