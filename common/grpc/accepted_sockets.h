// What a daemon does with each connection before a byte of it is read: how many
// there may be, who may connect to an abstract unix socket, and the send buffer
// of peers of this host (socket_buffers.h).
//
// gRPC of this version stops listening for good when the process has no
// descriptor left, so a flood of connections must be cut before that.
#ifndef HAWSER_COMMON_GRPC_ACCEPTED_SOCKETS_H_
#define HAWSER_COMMON_GRPC_ACCEPTED_SOCKETS_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/grpc/socket_hook.h"

namespace hawser {

class AcceptedSockets : public SocketHook {
 public:
  // most_descriptors: a connection is cut if its descriptor's number is not
  // below (the system takes the lowest that is free).
  explicit AcceptedSockets(int most_descriptors);

  void See(int socket) override;

  // Addresses that have connected last, the newest first: whoever is refused is
  // among them, as gRPC does not tell where a call that it refuses came from.
  std::string RecentPeers() const;

 private:
  void Cut(int socket, const std::string& why);
  void Remember(const std::string& peer);

  const int most_descriptors_;
  mutable absl::Mutex mutex_;
  std::string recent_[3] ABSL_GUARDED_BY(mutex_);
};

// So many descriptors may connections take: three quarters of what the process
// may have.
int MostConnectionDescriptors();

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_ACCEPTED_SOCKETS_H_
