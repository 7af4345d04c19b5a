// Which carrier reaches a server, by where it is: in the same process, else by
// shared memory or a unix socket on the same host, else by TCP, on a connection
// of its own or in gRPC's.
//
// A server on the same host is one whose local socket answers: its name is
// random, and only processes in its network namespace find it. Shared memory
// takes the same user, too.
#ifndef HAWSER_CLIENT_DATA_PLANE_CARRIER_CHOICE_H_
#define HAWSER_CLIENT_DATA_PLANE_CARRIER_CHOICE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/data_plane/parameter_client.h"
#include "common/grpc/grpc_caller.h"
#include "common/shared_memory.h"
#include "proto/plan.pb.h"

namespace hawser {

// Carriers that may be used between processes.
struct Carriers {
  bool shared_memory = true;
  bool unix_socket = true;
  // By TCP without TLS, on a connection of its own if the server takes frames
  // there; otherwise as `tcp`.
  bool direct_tcp = true;
  bool tcp = true;
};

// From a list such as "shared-memory,tcp". INVALID_ARGUMENT: another word, or
// none.
absl::StatusOr<Carriers> ParseCarriers(absl::string_view list);

struct CarrierOptions {
  Carriers carriers;
  // What pushes may be allocated from, to be read where they lie; null: they
  // are copied. Outlives the channels.
  const SharedMemory* memory = nullptr;
  // How gRPC is spoken; null: in plain text and without a token.
  std::shared_ptr<const GrpcCaller> caller;
  // Over gRPC to a server that has much to carry: 1 or 2.
  int channels_per_server = 2;
  // Servers of this process: null for one that is elsewhere. May be empty.
  ChannelFactory in_process;
};

// The best channel there is. If no carrier that may be used leads there, every
// call of the channel says so (UNAVAILABLE).
std::unique_ptr<ParameterChannel> ChooseCarrier(const CarrierOptions& options,
                                                const ServerEndpoint& server);

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_CARRIER_CHOICE_H_
