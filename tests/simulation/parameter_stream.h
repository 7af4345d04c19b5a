// The data plane between a worker and a server: a ParameterChannel whose far
// end is the server's shards. Ordered like a gRPC stream; delayed; broken at
// any moment, and then what was on its way is lost. A push may arrive twice,
// the second time later. The server gets the next frame when the last one's
// done() was called.
//
// Not thread-safe; Send, Receive and GetProgress are called on fibers of the
// worker.
#ifndef HAWSER_TESTS_SIMULATION_PARAMETER_STREAM_H_
#define HAWSER_TESTS_SIMULATION_PARAMETER_STREAM_H_

#include <memory>
#include <string>

#include "client/data_plane/parameter_channel.h"
#include "tests/simulation/directory.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"

namespace hawser::simulation {

// A channel of `worker` to the server at `address`. The pointers outlive it.
std::unique_ptr<ParameterChannel> MakeParameterChannel(
    Network* network, const Directory* directory, Invariants* invariants,
    Process* worker, const std::string& address);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_PARAMETER_STREAM_H_
