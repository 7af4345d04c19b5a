// A TCP port of two protocols: a connection whose first bytes are a given magic
// number goes to its taker, all others are gRPC's.
#ifndef HAWSER_COMMON_GRPC_SHARED_PORT_H_
#define HAWSER_COMMON_GRPC_SHARED_PORT_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/file_descriptor.h"
#include "grpcpp/server_builder.h"

namespace hawser {

class SharedPort {
 public:
  using Magic = std::array<char, 4>;

  struct Options {
    Magic magic;
    // A peer that says nothing is cut after so long.
    absl::Duration patience = absl::Seconds(20);
    // Sees a connection before a byte of it is read, and may shut it down.
    std::function<void(int socket)> see;
    // Gets those with the magic number, nothing of them read; they do not
    // block. On the accepting thread.
    std::function<void(FileDescriptor socket)> take;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> grpc;
  };

  // Listens at HOST:PORT; port 0: any. Nothing is accepted yet. UNAVAILABLE:
  // the port is taken, or the host is not this machine.
  static absl::StatusOr<std::unique_ptr<SharedPort>> Listen(
      const std::string& address);
  // Closes what has not been handed on.
  ~SharedPort();

  int port() const { return port_; }

  // Accepts from now on. Once, after gRPC's server has started.
  void Start(Options options);

 private:
  struct Newcomer {
    FileDescriptor socket;
    absl::Time limit;
  };

  SharedPort(std::vector<FileDescriptor> listeners, FileDescriptor wake,
             int port);
  void Run();
  void Accept(const FileDescriptor& listener);
  // True: it has been handed on, or cut.
  bool Decide(Newcomer* newcomer);

  const std::vector<FileDescriptor> listeners_;
  const FileDescriptor wake_;
  const int port_;
  Options options_;
  std::vector<Newcomer> newcomers_;  // the thread's; the oldest first
  std::thread thread_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_SHARED_PORT_H_
