// A ParameterChannel to a server on the same host: frames over a unix socket,
// payloads in shared memory. What is sent is read by the server where it lies;
// what is received is shown where the server wrote it. Neither is checksummed,
// since both sides read the same pages.
#ifndef HAWSER_CLIENT_DATA_PLANE_LOCAL_PARAMETER_CHANNEL_H_
#define HAWSER_CLIENT_DATA_PLANE_LOCAL_PARAMETER_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/data_plane/parameter_channel.h"
#include "common/shared_memory.h"

namespace hawser {

// name: of the server's local socket. Connects at once. UNAVAILABLE: there is
// no such socket on this host (or in this network namespace), or it is another
// user's.
//
// memory: what payloads are allocated from; others are copied through the
// socket. Null: all are. It outlives the channel. Floats of it that were sent
// and not answered may not be changed even after the channel is gone; free
// them instead.
// control: a channel to the same server, for what is no frame.
absl::StatusOr<std::unique_ptr<ParameterChannel>> MakeLocalParameterChannel(
    const std::string& name, const SharedMemory* memory,
    std::unique_ptr<ParameterChannel> control);

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_LOCAL_PARAMETER_CHANNEL_H_
