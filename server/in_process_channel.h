// A ParameterChannel to a server in the same process: frames go straight to
// its handler on the thread that sends them, nothing is copied or checksummed.
#ifndef HAWSER_SERVER_IN_PROCESS_CHANNEL_H_
#define HAWSER_SERVER_IN_PROCESS_CHANNEL_H_

#include <memory>

#include "client/data_plane/parameter_channel.h"
#include "server/intake.h"
#include "server/server_driver.h"

namespace hawser {

// driver and intake outlive the channel.
std::unique_ptr<ParameterChannel> MakeInProcessChannel(
    const ServerDriver* driver, Intake* intake);

}  // namespace hawser

#endif  // HAWSER_SERVER_IN_PROCESS_CHANNEL_H_
