// A daemon's gRPC server: one address, its services; health, reflection and
// channelz beside them, as the tools of the field ask for them.
//
// With a guard every call is let through or refused by it, over whatever socket
// it comes. A peer that connects and says nothing is cut after 20 s, one that
// has vanished after 30 s, and one that has no call under way after 5 minutes.
#ifndef HAWSER_COMMON_GRPC_GRPC_LISTENER_H_
#define HAWSER_COMMON_GRPC_GRPC_LISTENER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"
#include "common/grpc/shared_port.h"
#include "common/security/access_guard.h"
#include "common/security/access_log.h"
#include "common/security/tls_files.h"
#include "grpcpp/grpcpp.h"

namespace hawser {

class GrpcListener {
 public:
  struct Options {
    std::string address;  // HOST:PORT, port 0 for any; or unix:/path
    // Beyond loopback without TLS or without a guard.
    bool allow_insecure_network = false;
    int max_message_bytes = 4 << 20;
    // Where set, whoever connects to HOST:PORT without TLS and begins with the
    // magic number is not gRPC's (shared_port.h).
    SharedPort::Magic magic = {};
    std::function<void(FileDescriptor socket)> take;
    // The name of an abstract unix socket to listen at, too; empty: none.
    std::string local_name;
    // What peers cannot make it exceed; 0: no limit. Memory is that of messages
    // on their way.
    size_t max_memory_bytes = 0;
    int max_streams_of_connection = 0;
    // A peer that has been silent for so long is pinged, and cut if it does not
    // answer within half of it: what it holds is given back, though it vanished
    // without a word.
    int silence_ms = 20000;
    // Presented to, and asked of, whoever connects; none: no TLS. Checked by
    // TlsFilesIn.
    std::optional<TlsFiles> tls;
    bool require_client_certificate = false;
    // Null: whoever reaches the daemon may call everything.
    const AccessGuard* guard = nullptr;
    // Has calls that change something; may be null.
    AccessLog* access_log = nullptr;
    // Beside the listener's own; they outlive it.
    std::vector<grpc::Service*> more_services;
  };

  // service, guard and access_log outlive the listener. INVALID_ARGUMENT,
  // PERMISSION_DENIED: the address, or what it takes there. UNAVAILABLE: it is
  // taken, or not of this machine.
  static absl::StatusOr<std::unique_ptr<GrpcListener>> Start(
      const Options& options, grpc::Service* service);
  // What gRPC's health service says of the daemon, and of each of its services;
  // until the first call, that it is not serving.
  void SetServing(bool serving);

  // Stops; calls under way are cancelled after half a second. Removes a unix
  // socket.
  ~GrpcListener();

  // With the port that was bound.
  const std::string& address() const { return address_; }
  // Of the options.
  const std::string& local_name() const { return local_name_; }

 private:
  GrpcListener() = default;

  std::string address_;
  std::string local_name_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<SharedPort> shared_port_;  // may be null
};

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_GRPC_LISTENER_H_
