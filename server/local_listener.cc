#include "server/local_listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/wire/local_stream.h"
#include "glog/logging.h"
#include "server/local_exchange.h"

namespace hawser {

std::string RandomLocalName() {
  std::array<char, 16> bytes;
  // Of 16 bytes the system gives all or fails.
  CHECK_EQ(getrandom(bytes.data(), bytes.size(), 0), 16);
  return absl::StrCat("hawser-", absl::BytesToHexString(absl::string_view(
                                     bytes.data(), bytes.size())));
}

absl::StatusOr<std::unique_ptr<LocalListener>> LocalListener::Start(
    Intake* intake) {
  std::string name = RandomLocalName();
  ASSIGN_OR_RETURN(FileDescriptor socket, ListenLocal(name));
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return SystemError("create", "an eventfd");
  return absl::WrapUnique(new LocalListener(std::move(name), std::move(socket),
                                            std::move(wake), intake));
}

LocalListener::LocalListener(std::string name, FileDescriptor socket,
                             FileDescriptor wake, Intake* intake)
    : name_(std::move(name)),
      socket_(std::move(socket)),
      wake_(std::move(wake)),
      intake_(intake),
      thread_([this] { Accept(); }) {}

LocalListener::~LocalListener() {
  eventfd_write(wake_.get(), 1);  // and stays readable
  thread_.join();
}

void LocalListener::Accept() {
  for (;;) {
    pollfd waits[2] = {{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    poll(waits, 2, -1);
    if (waits[1].revents != 0) return;
    if ((waits[0].revents & POLLIN) == 0) continue;
    FileDescriptor socket(
        accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.valid()) {
      Begin(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      LOG_EVERY_N(ERROR, 100) << SystemError("accept at", name_).message()
                              << "; raise the limit on open files";
      // Whoever waits at the door would wake this thread again at once.
      pollfd pause = {wake_.get(), POLLIN, 0};
      poll(&pause, 1, /*timeout_ms=*/100);
    }
  }
}

void LocalListener::Begin(FileDescriptor socket) {
  const absl::Status status = CheckLocalPeer(socket);
  if (!status.ok()) {
    intake_->CountRefused(status);
    return;
  }
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return;
  const absl::Status started = streams_.Start(std::make_shared<LocalExchange>(
      std::move(socket), std::move(wake), intake_));
  if (!started.ok()) intake_->CountRefused(started);
}

}  // namespace hawser
