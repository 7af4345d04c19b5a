// The bytes of one HTTP connection, plain or by TLS, with a limit on how much a
// request may hold and how long it may take to come, whoever sends it how
// slowly.
//
// Not thread-safe; Shutdown of the socket from another thread ends it.
#ifndef HAWSER_COMMON_HTTP_CONNECTION_STREAM_H_
#define HAWSER_COMMON_HTTP_CONNECTION_STREAM_H_

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "httplib.h"
#include "openssl/ssl.h"

namespace hawser {

class ConnectionStream : public httplib::Stream {
 public:
  // socket stays the caller's; it becomes non-blocking. tls: over the socket,
  // outlives the stream; null: plain.
  ConnectionStream(int socket, SSL* tls);

  // Of TLS, by this time; true where there is none.
  bool ShakeHands(absl::Duration time);

  // Waits for the first byte of a request; false: none came, or the connection
  // has ended. gives_up is asked every tenth of a second.
  bool AwaitRequest(absl::Duration most, const std::function<bool()>& gives_up);
  // What is read from now on, in all: at most so many bytes, by this time.
  void LimitRequest(size_t bytes, absl::Duration time);
  // The request was not complete by then.
  bool was_cut() const { return was_cut_; }
  // How long a write may wait for the peer to take it.
  void LimitWrites(absl::Duration time) { write_limit_ = time; }

  bool is_readable() const override { return true; }
  // False: the peer has gone.
  bool is_writable() const override;
  // Less than 0: the end, or a limit.
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  // Asked for only to refuse numbers that select() cannot take; there is no
  // select() here, and a daemon may have many files open.
  socket_t socket() const override { return 0; }

 private:
  // Fills the buffer; false: the end, or a limit.
  bool Fill();
  // What recv() and send() do; they wait until the time. 0 or less: the end.
  ssize_t Receive(char* to, size_t size, absl::Time deadline);
  ssize_t Send(const char* from, size_t size, absl::Time deadline);
  // For what TLS asks for by this result; false: it has failed, or the time has
  // passed.
  bool AwaitTls(int result, absl::Time deadline);
  bool Await(short events, absl::Time deadline) const;

  const int socket_;
  SSL* const tls_;
  std::array<char, 4096> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t bytes_left_ = 0;
  bool was_cut_ = false;
  absl::Time deadline_ = absl::InfinitePast();
  absl::Duration write_limit_ = absl::Seconds(5);
};

}  // namespace hawser

#endif  // HAWSER_COMMON_HTTP_CONNECTION_STREAM_H_
