// A certificate authority for a start, and what it signs: keys on the curve
// P-256, certificates of X.509 version 3, all in PEM.
#ifndef HAWSER_COMMON_SECURITY_CERTIFICATE_AUTHORITY_H_
#define HAWSER_COMMON_SECURITY_CERTIFICATE_AUTHORITY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

struct evp_pkey_st;
struct x509_st;

namespace hawser {

// A new private key: PKCS #8 in PEM.
absl::StatusOr<std::string> MakePrivateKey();

class CertificateAuthority {
 public:
  // A new one that holds from an hour before `now` (clocks differ) to `now +
  // valid`. INVALID_ARGUMENT: the key is none.
  static absl::StatusOr<std::unique_ptr<CertificateAuthority>> Make(
      const std::string& key, absl::Time now, absl::Duration valid);
  // One that was made before. INVALID_ARGUMENT: it is none, or the key is
  // another's.
  static absl::StatusOr<std::unique_ptr<CertificateAuthority>> Load(
      const std::string& key, const std::string& certificate);
  ~CertificateAuthority();

  // In PEM.
  const std::string& certificate() const { return certificate_; }

  struct Subject {
    std::string name;  // the common name
    std::string key;   // its private key, in PEM
    // Names and addresses (IPv4, IPv6) that it is called by; a name may begin
    // with "*.". At least one.
    std::vector<std::string> hosts;
  };
  // A certificate of a server and client, in PEM. INVALID_ARGUMENT: the key, or
  // a host.
  absl::StatusOr<std::string> Sign(const Subject& subject, absl::Time now,
                                   absl::Duration valid) const;

 private:
  CertificateAuthority() = default;

  evp_pkey_st* key_ = nullptr;
  x509_st* x509_ = nullptr;
  std::string certificate_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_CERTIFICATE_AUTHORITY_H_
