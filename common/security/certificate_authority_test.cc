// Certificates are read back as OpenSSL has them, and in a directory as daemons
// read them.
#include "common/security/certificate_authority.h"

#include <memory>

#include "common/files.h"
#include "common/security/tls_files.h"
#include "gtest/gtest.h"
#include "openssl/pem.h"
#include "openssl/x509v3.h"

namespace hawser {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr absl::Duration kYear = absl::Hours(24 * 365);

Certificate Read(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  return {PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr),
          X509_free};
}

// Whether the authority's certificate proves the other at that time.
bool Proves(const std::string& authority, const std::string& certificate,
            absl::Time time) {
  const Certificate root = Read(authority);
  const Certificate leaf = Read(certificate);
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(
      X509_STORE_new(), X509_STORE_free);
  X509_STORE_add_cert(store.get(), root.get());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(
      X509_STORE_CTX_new(), X509_STORE_CTX_free);
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()),
                             absl::ToTimeT(time));
  return X509_verify_cert(context.get()) == 1;
}

class CertificateAuthorityTest : public testing::Test {
 protected:
  std::unique_ptr<CertificateAuthority> NewAuthority() {
    auto authority =
        CertificateAuthority::Make(*MakePrivateKey(), now_, 10 * kYear);
    EXPECT_TRUE(authority.ok()) << authority.status();
    return *std::move(authority);
  }
  const absl::Time now_ = absl::FromUnixSeconds(1800000000);
};

TEST_F(CertificateAuthorityTest, WhatItSignsHoldsForItsTimeAndItsHosts) {
  const auto authority = NewAuthority();
  const std::string key = *MakePrivateKey();
  const auto pem = authority->Sign(
      {"server", key, {"localhost", "*.pool.example", "127.0.0.1", "::1"}},
      now_, kYear);
  ASSERT_TRUE(pem.ok()) << pem.status();
  EXPECT_TRUE(Proves(authority->certificate(), *pem, now_));
  EXPECT_TRUE(
      Proves(authority->certificate(), *pem, now_ + kYear - absl::Minutes(1)));
  EXPECT_FALSE(
      Proves(authority->certificate(), *pem, now_ + kYear + absl::Minutes(1)));
  EXPECT_FALSE(Proves(NewAuthority()->certificate(), *pem, now_));
  const Certificate leaf = Read(*pem);
  for (const char* host : {"localhost", "a.pool.example"}) {
    EXPECT_EQ(X509_check_host(leaf.get(), host, 0, 0, nullptr), 1) << host;
  }
  for (const char* host : {"other", "pool.example", "a.b.pool.example"}) {
    EXPECT_EQ(X509_check_host(leaf.get(), host, 0, 0, nullptr), 0) << host;
  }
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "127.0.0.2", 0), 0);
}

TEST_F(CertificateAuthorityTest, WhatIsSignedSignsNothing) {
  const auto authority = NewAuthority();
  const std::string key = *MakePrivateKey();
  const auto pem = authority->Sign({"server", key, {"localhost"}}, now_, kYear);
  ASSERT_TRUE(pem.ok());
  EXPECT_EQ(CertificateAuthority::Load(key, *pem).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CertificateAuthorityTest, IsLoadedAgainByItsKeyAlone) {
  const std::string key = *MakePrivateKey();
  const auto made = CertificateAuthority::Make(key, now_, kYear);
  ASSERT_TRUE(made.ok());
  const auto loaded = CertificateAuthority::Load(key, (*made)->certificate());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto pem =
      (*loaded)->Sign({"a", *MakePrivateKey(), {"a"}}, now_, kYear);
  EXPECT_TRUE(Proves((*made)->certificate(), *pem, now_));
  EXPECT_FALSE(
      CertificateAuthority::Load(*MakePrivateKey(), (*made)->certificate())
          .ok());
  EXPECT_FALSE(CertificateAuthority::Load(key, "no certificate").ok());
  EXPECT_FALSE(CertificateAuthority::Make("no key", now_, kYear).ok());
}

// Alternative names are a list to OpenSSL: nothing may be slipped into it.
TEST_F(CertificateAuthorityTest, AHostIsANameOrAnAddress) {
  const auto authority = NewAuthority();
  const std::string key = *MakePrivateKey();
  for (const char* host : {"", "a,DNS:b", "a b", "*", "*.*.a", "a.*", "a\nb",
                           "URI:x", "@section", "10.0.0.0/8"}) {
    EXPECT_EQ(authority->Sign({"a", key, {host}}, now_, kYear).status().code(),
              absl::StatusCode::kInvalidArgument)
        << host;
  }
}

TEST_F(CertificateAuthorityTest, AsFilesTheyAreChecked) {
  const auto authority = NewAuthority();
  const std::string key = *MakePrivateKey();
  const std::string pem = *authority->Sign({"a", key, {"a"}}, now_, kYear);
  const std::string directory = testing::TempDir() + "/tls_files";
  ASSERT_TRUE(MakeDirectories(directory).ok());
  const auto code = [&] { return TlsFilesIn(directory).status().code(); };
  EXPECT_EQ(code(), absl::StatusCode::kNotFound);  // empty
  ASSERT_TRUE(WriteWholeFile(directory + "/tls.crt", pem).ok());
  EXPECT_EQ(code(), absl::StatusCode::kNotFound);  // no key
  ASSERT_TRUE(WriteWholeFile(directory + "/tls.key", *MakePrivateKey()).ok());
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);  // another's
  ASSERT_TRUE(WriteWholeFile(directory + "/tls.key", "none").ok());
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(WriteWholeFile(directory + "/tls.key", key).ok());
  ASSERT_TRUE(TlsFilesIn(directory).ok());
  EXPECT_EQ(TlsFilesIn(directory)->authority, "");
  ASSERT_TRUE(WriteWholeFile(directory + "/ca.crt", "none").ok());
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(
      WriteWholeFile(directory + "/ca.crt", authority->certificate()).ok());
  const auto files = TlsFilesIn(directory);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->certificate, directory + "/tls.crt");
  EXPECT_EQ(files->key, directory + "/tls.key");
  EXPECT_EQ(files->authority, directory + "/ca.crt");
}

}  // namespace
}  // namespace hawser
