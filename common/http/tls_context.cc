#include "common/http/tls_context.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "openssl/err.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Create(
    std::string certificate, std::string key) {
  auto tls =
      absl::WrapUnique(new TlsContext(std::move(certificate), std::move(key)));
  tls->context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = tls->context_.get();
  if (context == nullptr) {
    return absl::ResourceExhaustedError("no memory for TLS");
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cert_cb(
      context,
      [](SSL* session, void* self) {
        return static_cast<const TlsContext*>(self)->Load(session) ? 1 : 0;
      },
      tls.get());
  const Session session(SSL_new(context));
  if (session == nullptr || !tls->Load(session.get())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot use the certificate ", tls->certificate_, " with the key ",
        tls->key_, ": are both PEM files, and of each other?"));
  }
  return tls;
}

bool TlsContext::Load(SSL* session) const {
  const bool loaded =
      SSL_use_certificate_chain_file(session, certificate_.c_str()) == 1 &&
      SSL_use_PrivateKey_file(session, key_.c_str(), SSL_FILETYPE_PEM) == 1 &&
      SSL_check_private_key(session) == 1;
  ERR_clear_error();
  return loaded;
}

TlsContext::Session TlsContext::NewSession(int socket) const {
  Session session(SSL_new(context_.get()));
  if (session != nullptr && SSL_set_fd(session.get(), socket) != 1) {
    session.reset();
  }
  return session;
}

}  // namespace hawser
