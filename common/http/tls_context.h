// The server's side of TLS, of one certificate whose files may be replaced
// while it is in use: each handshake presents what is in them then.
//
// Thread-safe.
#ifndef HAWSER_COMMON_HTTP_TLS_CONTEXT_H_
#define HAWSER_COMMON_HTTP_TLS_CONTEXT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "openssl/ssl.h"

namespace hawser {

class TlsContext {
 public:
  struct Deleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* session) const { SSL_free(session); }
  };
  using Session = std::unique_ptr<SSL, Deleter>;

  // certificate: PEM, with those between it and the authority; key: PEM.
  // INVALID_ARGUMENT: they cannot be read, or are not of each other.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Create(
      std::string certificate, std::string key);

  // Over a socket that stays the caller's, before its handshake. Null: there is
  // no memory.
  Session NewSession(int socket) const;

 private:
  TlsContext(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  // False: the files cannot be used.
  bool Load(SSL* session) const;

  const std::string certificate_;
  const std::string key_;
  std::unique_ptr<SSL_CTX, Deleter> context_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_HTTP_TLS_CONTEXT_H_
