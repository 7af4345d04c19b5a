// A daemon's gRPC server: one address, one service, health and reflection.
#ifndef HAWSER_COMMON_GRPC_GRPC_LISTENER_H_
#define HAWSER_COMMON_GRPC_GRPC_LISTENER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"

namespace hawser {

class GrpcListener {
 public:
  struct Options {
    std::string address;  // HOST:PORT, port 0 for any; or unix:/path
    bool allow_insecure_network = false;
    int max_message_bytes = 4 << 20;
    // The name of an abstract unix socket to listen at, too; empty: none.
    std::string local_name;
    // What peers cannot make it exceed; 0: no limit. Memory is that of messages
    // on their way.
    size_t max_memory_bytes = 0;
    int max_streams_of_connection = 0;
  };

  // service outlives the listener. INVALID_ARGUMENT, PERMISSION_DENIED: the
  // address. UNAVAILABLE: it is taken, or not of this machine.
  static absl::StatusOr<std::unique_ptr<GrpcListener>> Start(
      const Options& options, grpc::Service* service);
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
};

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_GRPC_LISTENER_H_
