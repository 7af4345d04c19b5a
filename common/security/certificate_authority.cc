#include "common/security/certificate_authority.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "openssl/bn.h"
#include "openssl/evp.h"
#include "openssl/pem.h"
#include "openssl/x509v3.h"

namespace hawser {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

constexpr int kSerialBits = 127;
constexpr size_t kMaxHostBytes = 253;
constexpr absl::Duration kClocksDiffer = absl::Hours(1);

Memory MemoryOf(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
          BIO_free};
}

std::string TextOf(const Memory& memory) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<size_t>(bytes)};
}

int NoPassword(char*, int, int, void*) { return -1; }

absl::StatusOr<Key> ReadKey(const std::string& pem) {
  const Memory memory = MemoryOf(pem);
  Key key(PEM_read_bio_PrivateKey(memory.get(), nullptr, NoPassword, nullptr),
          EVP_PKEY_free);
  if (key == nullptr) {
    return absl::InvalidArgumentError("the key is no private key in PEM");
  }
  return key;
}

absl::StatusOr<std::string> ToPem(X509* certificate) {
  const Memory memory(BIO_new(BIO_s_mem()), BIO_free);
  if (PEM_write_bio_X509(memory.get(), certificate) != 1) {
    return absl::InternalError("a certificate cannot be written");
  }
  return TextOf(memory);
}

// "DNS:a" or "IP:1.2.3.4", as OpenSSL reads alternative names. Only what is
// safe in that list is let through.
absl::StatusOr<std::string> AlternativeName(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  if (inet_pton(AF_INET, host.c_str(), address) == 1 ||
      inet_pton(AF_INET6, host.c_str(), address) == 1) {
    return "IP:" + host;
  }
  const absl::string_view labels = absl::StripPrefix(host, "*.");
  const bool is_name =
      !labels.empty() && labels.size() <= kMaxHostBytes &&
      std::all_of(labels.begin(), labels.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
               c == '.' || c == '_';
      });
  if (!is_name) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", host, "\" is neither the name of a host nor an address"));
  }
  return "DNS:" + host;
}

absl::Status AddExtension(X509* certificate, X509* issuer, int kind,
                          const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)>
      extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()),
                X509_EXTENSION_free);
  if (extension == nullptr ||
      X509_add_ext(certificate, extension.get(), -1) != 1) {
    return absl::InternalError(
        absl::StrCat("an extension cannot be made: ", value));
  }
  return absl::OkStatus();
}

// With a random number and what every certificate has, but not signed.
absl::StatusOr<Certificate> NewCertificate(const std::string& name,
                                           EVP_PKEY* key, absl::Time now,
                                           absl::Duration valid) {
  Certificate certificate(X509_new(), X509_free);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> serial(BN_new(), BN_free);
  const time_t from = absl::ToTimeT(now - kClocksDiffer);
  const time_t until = absl::ToTimeT(now + valid);
  X509* const x509 = certificate.get();
  X509_NAME* const subject = X509_get_subject_name(x509);
  if (X509_set_version(x509, X509_VERSION_3) != 1 ||
      BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) !=
          1 ||
      BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509)) ==
          nullptr ||
      ASN1_TIME_set(X509_getm_notBefore(x509), from) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(x509), until) == nullptr ||
      X509_NAME_add_entry_by_txt(
          subject, "O", MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>("Hawser"), -1, -1, 0) != 1 ||
      X509_NAME_add_entry_by_txt(
          subject, "CN", MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
          0) != 1 ||
      X509_set_pubkey(x509, key) != 1) {
    return absl::InternalError("a certificate cannot be made");
  }
  return certificate;
}

absl::Status SignWith(EVP_PKEY* key, X509* certificate) {
  if (X509_sign(certificate, key, EVP_sha256()) == 0) {
    return absl::InternalError("a certificate cannot be signed");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> MakePrivateKey() {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Memory memory(BIO_new(BIO_s_mem()), BIO_free);
  if (key == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(memory.get(), key.get(), nullptr, nullptr,
                                    0, nullptr, nullptr) != 1) {
    return absl::InternalError("a key cannot be made");
  }
  return TextOf(memory);
}

absl::StatusOr<std::unique_ptr<CertificateAuthority>>
CertificateAuthority::Make(const std::string& key, absl::Time now,
                           absl::Duration valid) {
  ASSIGN_OR_RETURN(const Key own, ReadKey(key));
  ASSIGN_OR_RETURN(const Certificate certificate,
                   NewCertificate("Hawser authority", own.get(), now, valid));
  X509* const x509 = certificate.get();
  if (X509_set_issuer_name(x509, X509_get_subject_name(x509)) != 1) {
    return absl::InternalError("a certificate cannot be made");
  }
  RETURN_IF_ERROR(AddExtension(x509, x509, NID_basic_constraints,
                               "critical,CA:TRUE,pathlen:0"));
  RETURN_IF_ERROR(
      AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign"));
  RETURN_IF_ERROR(AddExtension(x509, x509, NID_subject_key_identifier, "hash"));
  RETURN_IF_ERROR(SignWith(own.get(), x509));
  ASSIGN_OR_RETURN(const std::string pem, ToPem(x509));
  return Load(key, pem);
}

absl::StatusOr<std::unique_ptr<CertificateAuthority>>
CertificateAuthority::Load(const std::string& key,
                           const std::string& certificate) {
  ASSIGN_OR_RETURN(Key own, ReadKey(key));
  const Memory memory = MemoryOf(certificate);
  Certificate x509(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr),
                   X509_free);
  if (x509 == nullptr) {
    return absl::InvalidArgumentError("the authority is no certificate in PEM");
  }
  if (X509_check_private_key(x509.get(), own.get()) != 1 ||
      X509_check_ca(x509.get()) != 1) {
    return absl::InvalidArgumentError(
        "the certificate is not an authority's, or the key is another's");
  }
  auto authority = absl::WrapUnique(new CertificateAuthority);
  authority->key_ = own.release();
  authority->x509_ = x509.release();
  authority->certificate_ = certificate;
  return authority;
}

CertificateAuthority::~CertificateAuthority() {
  EVP_PKEY_free(key_);
  X509_free(x509_);
}

absl::StatusOr<std::string> CertificateAuthority::Sign(
    const Subject& subject, absl::Time now, absl::Duration valid) const {
  std::vector<std::string> names;
  for (const std::string& host : subject.hosts) {
    ASSIGN_OR_RETURN(names.emplace_back(), AlternativeName(host));
  }
  ASSIGN_OR_RETURN(const Key key, ReadKey(subject.key));
  ASSIGN_OR_RETURN(const Certificate certificate,
                   NewCertificate(subject.name, key.get(), now, valid));
  X509* const x509 = certificate.get();
  if (X509_set_issuer_name(x509, X509_get_subject_name(x509_)) != 1) {
    return absl::InternalError("a certificate cannot be made");
  }
  for (const auto& [kind, value] :
       {std::pair<int, std::string>{NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth,clientAuth"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid"},
        {NID_subject_alt_name, absl::StrJoin(names, ",")}}) {
    RETURN_IF_ERROR(AddExtension(x509, x509_, kind, value));
  }
  RETURN_IF_ERROR(SignWith(key_, x509));
  return ToPem(x509);
}

}  // namespace hawser
