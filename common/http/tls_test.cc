// The listener by TLS, with httplib's client.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/http/http_listener.h"
#include "common/security/token_table.h"
#include "gtest/gtest.h"
#include "httplib.h"
#include "openssl/evp.h"
#include "openssl/pem.h"
#include "openssl/x509.h"

namespace hawser {
namespace {

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(Path(""));
    ASSERT_TRUE(MakeDirectories(Path("")).ok());
    MakeCertificate("localhost");
  }

  static std::string Path(const std::string& name) {
    return testing::TempDir() + "/tls_test/" + name;
  }

  // Signed by itself; in place of the one before.
  static void MakeCertificate(const std::string& name) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    ASSERT_NE(X509_sign(certificate, key, EVP_sha256()), 0);
    std::FILE* file = std::fopen(Path("tls.crt").c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(Path("tls.key").c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  static absl::StatusOr<std::unique_ptr<HttpListener>> Listen() {
    return HttpListener::Start(
        {.address = "127.0.0.1:0",
         .tls = TlsFiles{Path("tls.crt"), Path("tls.key"), ""},
         .request_time = absl::Seconds(5)},
        {{"/a", false,
          [](const HttpRequest&) {
            return HttpReply{.body = std::string(300'000, 'x')};
          }},
         {"/live", false, [](const HttpRequest&) {
            HttpReply reply;
            reply.stream = [n = 0](std::string* more) mutable {
              absl::StrAppend(more, n, ";");
              return ++n < 100;
            };
            return reply;
          }}});
  }

  static int PortOf(const HttpListener& listener) {
    int port = 0;
    const std::string& address = listener.address();
    EXPECT_TRUE(
        absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    return port;
  }

  // Whom the listener presents itself as to somebody new.
  static std::string NameOf(const HttpListener& listener) {
    httplib::SSLClient client("127.0.0.1", PortOf(listener));
    client.enable_server_certificate_verification(false);
    if (!client.Get("/a")) return "nobody";
    // The client tells only what it could verify.
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    BIO* connection = BIO_new_ssl_connect(context);
    BIO_set_conn_hostname(connection, listener.address().c_str());
    std::string name = "nobody";
    if (BIO_do_handshake(connection) == 1) {
      SSL* session = nullptr;
      BIO_get_ssl(connection, &session);
      X509* certificate = SSL_get1_peer_certificate(session);
      char text[64] = {};
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                                NID_commonName, text, sizeof(text));
      name = text;
      X509_free(certificate);
    }
    BIO_free_all(connection);
    SSL_CTX_free(context);
    return name;
  }
};

TEST_F(TlsTest, AnswersAndStreams) {
  const auto listener = Listen();
  ASSERT_TRUE(listener.ok()) << listener.status();
  httplib::SSLClient client("127.0.0.1", PortOf(**listener));
  client.enable_server_certificate_verification(false);
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.Get("/a");
    ASSERT_TRUE(reply) << to_string(reply.error());
    EXPECT_EQ(reply->body, std::string(300'000, 'x'));
  }
  const auto live = client.Get("/live");
  ASSERT_TRUE(live);
  EXPECT_TRUE(absl::StartsWith(live->body, "0;1;2;"));
  EXPECT_TRUE(absl::EndsWith(live->body, ";98;99;"));
}

TEST_F(TlsTest, APlainRequestGetsNoAnswer) {
  const auto listener = Listen();
  ASSERT_TRUE(listener.ok());
  httplib::Client plain("127.0.0.1", PortOf(**listener));
  EXPECT_FALSE(plain.Get("/a"));
}

TEST_F(TlsTest, ACertificateThatIsReplacedIsPresentedFromThenOn) {
  const auto listener = Listen();
  ASSERT_TRUE(listener.ok());
  EXPECT_EQ(NameOf(**listener), "localhost");
  MakeCertificate("renewed");
  EXPECT_EQ(NameOf(**listener), "renewed");
}

TEST_F(TlsTest, BeyondLoopbackItTakesTlsAndTokens) {
  ASSERT_TRUE(WriteWholeFile(Path("tokens"), "").ok());
  const auto tokens = TokenTable::Open(Path("tokens"));
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  const AccessGuard guard(tokens->get(), /*log=*/nullptr);
  const TlsFiles files = {Path("tls.crt"), Path("tls.key"), ""};
  const auto code = [](const HttpListener::Options& options) {
    return HttpListener::Start(options, {}).status().code();
  };
  EXPECT_EQ(code({.address = "0.0.0.0:0", .tls = files}),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code({.address = "0.0.0.0:0", .guard = &guard}),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code({.address = "0.0.0.0:0", .tls = files, .guard = &guard}),
            absl::StatusCode::kOk);
}

TEST_F(TlsTest, FilesThatCannotBeUsedAreNamed) {
  std::filesystem::rename(Path("tls.key"), Path("other.key"));
  const absl::Status none = Listen().status();
  EXPECT_EQ(none.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(none.message(), "tls.key")) << none;
  MakeCertificate("other");
  std::filesystem::rename(Path("other.key"), Path("tls.key"));
  EXPECT_EQ(Listen().status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace hawser
