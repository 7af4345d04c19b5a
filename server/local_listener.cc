#include "server/local_listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
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

struct LocalListener::Stream {
  std::shared_ptr<LocalExchange> exchange;
  std::atomic<bool> over{false};
  std::thread thread;
};

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
  stopping_.store(true);
  eventfd_write(wake_.get(), 1);
  thread_.join();
  for (const auto& stream : streams_) stream->exchange->Stop();
  for (const auto& stream : streams_) stream->thread.join();
}

void LocalListener::Accept() {
  while (!stopping_.load()) {
    pollfd waits[2] = {{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    poll(waits, 2, -1);
    if (waits[1].revents != 0) {
      eventfd_t ignored;
      eventfd_read(wake_.get(), &ignored);
      Reap();
    }
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
  auto stream = std::make_unique<Stream>();
  stream->exchange = std::make_shared<LocalExchange>(std::move(socket),
                                                     std::move(wake), intake_);
  stream->thread = std::thread([this, stream = stream.get()] {
    stream->exchange->Run();
    stream->over.store(true);
    eventfd_write(wake_.get(), 1);
  });
  streams_.push_back(std::move(stream));
}

void LocalListener::Reap() {
  for (auto it = streams_.begin(); it != streams_.end();) {
    if (!(*it)->over.load()) {
      ++it;
      continue;
    }
    (*it)->thread.join();
    it = streams_.erase(it);
  }
}

}  // namespace hawser
