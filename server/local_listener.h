// Where workers of the same host connect to share memory with this server: an
// abstract unix socket under a random name, and a thread for each stream. The
// peer must be a process of the same user.
//
// Nothing of it outlives the process, whatever way it ends.
#ifndef HAWSER_SERVER_LOCAL_LISTENER_H_
#define HAWSER_SERVER_LOCAL_LISTENER_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"
#include "server/intake.h"
#include "server/stream_threads.h"

namespace hawser {

// A name that nobody has had and nobody guesses, for local sockets.
std::string RandomLocalName();

class LocalListener {
 public:
  // intake outlives the listener. Errors: the system gives no socket.
  static absl::StatusOr<std::unique_ptr<LocalListener>> Start(Intake* intake);
  // Ends all streams and waits for them.
  ~LocalListener();

  // What workers connect to (common/wire/local_stream.h, ConnectLocal).
  const std::string& name() const { return name_; }

 private:
  LocalListener(std::string name, FileDescriptor socket, FileDescriptor wake,
                Intake* intake);
  void Accept();
  void Begin(FileDescriptor socket);

  const std::string name_;
  const FileDescriptor socket_;
  const FileDescriptor wake_;
  Intake* const intake_;
  StreamThreads streams_;
  std::thread thread_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_LOCAL_LISTENER_H_
