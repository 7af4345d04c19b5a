#include "common/security/tls_files.h"

#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "openssl/evp.h"
#include "openssl/pem.h"
#include "openssl/x509.h"

namespace hawser {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

Memory MemoryOf(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
          BIO_free};
}

absl::StatusOr<Certificate> ReadCertificate(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxFileBytes));
  const Memory memory = MemoryOf(text);
  Certificate certificate(
      PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr), X509_free);
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " holds no certificate in PEM"));
  }
  return certificate;
}

// A key with a password is none: nobody is there to ask.
int NoPassword(char*, int, int, void*) { return -1; }

absl::StatusOr<Key> ReadKey(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxFileBytes));
  const Memory memory = MemoryOf(text);
  Key key(PEM_read_bio_PrivateKey(memory.get(), nullptr, NoPassword, nullptr),
          EVP_PKEY_free);
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " holds no private key in PEM, without a password"));
  }
  return key;
}

std::string IfThere(const std::string& path) {
  return access(path.c_str(), F_OK) == 0 ? path : "";
}

}  // namespace

absl::StatusOr<TlsFiles> TlsFilesIn(const std::string& directory) {
  const TlsFiles files{IfThere(directory + "/tls.crt"),
                       IfThere(directory + "/tls.key"),
                       IfThere(directory + "/ca.crt")};
  if (files.certificate.empty() != files.key.empty() ||
      (files.certificate.empty() && files.authority.empty())) {
    return absl::NotFoundError(absl::StrCat(
        "--tls-dir ", directory,
        " takes tls.crt and tls.key, and ca.crt; `hawser certs` makes them"));
  }
  if (!files.certificate.empty()) {
    ASSIGN_OR_RETURN(const Certificate certificate,
                     ReadCertificate(files.certificate));
    ASSIGN_OR_RETURN(const Key key, ReadKey(files.key));
    if (X509_check_private_key(certificate.get(), key.get()) != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(files.key, " is not the key of ", files.certificate));
    }
  }
  if (!files.authority.empty()) {
    RETURN_IF_ERROR(ReadCertificate(files.authority).status());
  }
  return files;
}

}  // namespace hawser
