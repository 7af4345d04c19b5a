#include "common/grpc/socket_buffers.h"

#include <sys/socket.h>

#include "absl/strings/match.h"
#include "grpc/support/sync.h"
#include "grpcpp/version_info.h"

// gRPC has a public argument for whoever sets options of its sockets, but does
// not install the header that says what that is: src/core/lib/iomgr/
// socket_mutator.h, the same from 1.36 to 1.59 (later ones have moved it).
#if GRPC_CPP_VERSION_MAJOR == 1 && GRPC_CPP_VERSION_MINOR >= 36 && \
    GRPC_CPP_VERSION_MINOR < 60
#define HAWSER_HAS_SOCKET_MUTATOR 1

struct grpc_mutate_socket_info;
struct grpc_socket_mutator_vtable {
  bool (*mutate_fd)(int socket, grpc_socket_mutator* mutator);
  int (*compare)(grpc_socket_mutator* a, grpc_socket_mutator* b);
  void (*destroy)(grpc_socket_mutator* mutator);
  bool (*mutate_fd_2)(const grpc_mutate_socket_info*, grpc_socket_mutator*);
};
struct grpc_socket_mutator {
  const grpc_socket_mutator_vtable* vtable;
  gpr_refcount references;
};
void grpc_socket_mutator_init(grpc_socket_mutator* mutator,
                              const grpc_socket_mutator_vtable* vtable);
#endif

namespace hawser {

#if defined(HAWSER_HAS_SOCKET_MUTATOR)
namespace {

constexpr int kSendBuffer = 256 << 10;

// A socket that refuses works all the same.
bool Mutate(int socket, grpc_socket_mutator*) {
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof(kSendBuffer));
  return true;
}

int Compare(grpc_socket_mutator*, grpc_socket_mutator*) { return 0; }

void Destroy(grpc_socket_mutator* mutator) { delete mutator; }

constexpr grpc_socket_mutator_vtable kMutator = {Mutate, Compare, Destroy,
                                                 nullptr};

bool IsLoopback(const std::string& address) {
  return absl::StartsWith(address, "127.") ||
         absl::StartsWith(address, "localhost:") ||
         absl::StartsWith(address, "[::1]:");
}

}  // namespace
#endif

void LimitSocketBuffers([[maybe_unused]] const std::string& address,
                        [[maybe_unused]] grpc::ChannelArguments* arguments) {
#if defined(HAWSER_HAS_SOCKET_MUTATOR)
  if (!IsLoopback(address)) return;
  auto* mutator = new grpc_socket_mutator;
  grpc_socket_mutator_init(mutator, &kMutator);
  arguments->SetSocketMutator(mutator);
#endif
}

}  // namespace hawser
