#include "common/grpc/socket_hook.h"

#include <utility>

#include "grpc/support/sync.h"
#include "grpcpp/version_info.h"

// gRPC has a public argument for whoever sets options of its sockets, but does
// not install the header that says what that is: src/core/lib/iomgr/
// socket_mutator.h, the same from 1.36 to 1.59 (later ones have moved it).
#if GRPC_CPP_VERSION_MAJOR == 1 && GRPC_CPP_VERSION_MINOR >= 36 && \
    GRPC_CPP_VERSION_MINOR < 60
#define HAWSER_HAS_SOCKET_MUTATOR 1

struct grpc_mutate_socket_info {
  int fd;
  int usage;  // an enum
};
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

struct Mutator : grpc_socket_mutator {
  std::shared_ptr<SocketHook> hook;
};

const std::shared_ptr<SocketHook>& HookOf(grpc_socket_mutator* mutator) {
  return static_cast<Mutator*>(mutator)->hook;
}

// False would make gRPC stop accepting for good.
bool Mutate(int socket, grpc_socket_mutator* mutator) {
  HookOf(mutator)->See(socket);
  return true;
}

// gRPC calls the other one for a server's connections never.
bool MutateAny(const grpc_mutate_socket_info* info,
               grpc_socket_mutator* mutator) {
  return Mutate(info->fd, mutator);
}

int Compare(grpc_socket_mutator* a, grpc_socket_mutator* b) {
  if (HookOf(a) == HookOf(b)) return 0;
  return HookOf(a) < HookOf(b) ? -1 : 1;
}

void Destroy(grpc_socket_mutator* mutator) {
  delete static_cast<Mutator*>(mutator);
}

constexpr grpc_socket_mutator_vtable kMutator = {Mutate, Compare, Destroy,
                                                 MutateAny};

}  // namespace
#endif

bool SetSocketHook([[maybe_unused]] std::shared_ptr<SocketHook> hook,
                   [[maybe_unused]] grpc::ChannelArguments* arguments) {
#if defined(HAWSER_HAS_SOCKET_MUTATOR)
  auto* mutator = new Mutator;
  grpc_socket_mutator_init(mutator, &kMutator);
  mutator->hook = std::move(hook);
  arguments->SetSocketMutator(mutator);
  return true;
#else
  return false;
#endif
}

}  // namespace hawser
