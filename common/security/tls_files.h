// The files of --tls-dir, laid out as a Kubernetes TLS secret with the ca.crt
// of cert-manager: tls.crt (the certificate, and those between it and the
// authority), tls.key, ca.crt (whose signature others must show).
#ifndef HAWSER_COMMON_SECURITY_TLS_FILES_H_
#define HAWSER_COMMON_SECURITY_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"

namespace hawser {

// Paths. Empty: there is no such file; certificate and key come together.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string authority;
};

// What the directory has. A file may be replaced later; as it is now, it is
// checked. NOT_FOUND: neither a certificate nor an authority, or one of
// certificate and key alone. INVALID_ARGUMENT: a file is no PEM of its kind, or
// the key is another certificate's.
absl::StatusOr<TlsFiles> TlsFilesIn(const std::string& directory);

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_TLS_FILES_H_
