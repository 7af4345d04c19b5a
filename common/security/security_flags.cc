#include "common/security/security_flags.h"

namespace hawser {
namespace {

void AddTlsDirectory(CLI::App* app, SecurityFlags* flags) {
  if (app->get_option_no_throw("--tls-dir") != nullptr) return;
  app->add_option(
      "--tls-dir", flags->tls_directory,
      "speak TLS everywhere; the directory has tls.crt, tls.key and "
      "ca.crt, which may be replaced at any time (`hawser certs` "
      "makes them)");
}

}  // namespace

void AddCallerFlags(CLI::App* app, SecurityFlags* flags) {
  AddTlsDirectory(app, flags);
  app->add_option("--token-file", flags->token_file,
                  "file with the token to call others with; may be replaced at "
                  "any time");
}

void AddListenerFlags(CLI::App* app, SecurityFlags* flags) {
  AddTlsDirectory(app, flags);
  app->add_option("--tokens-file", flags->tokens_file,
                  "who may call: lines ROLE NAME SHA256_OF_TOKEN [EXPIRY]; may "
                  "be replaced at any time (default: everybody)");
  app->add_flag("--require-client-certificates",
                flags->require_client_certificates,
                "refuse connections without a certificate that ca.crt has "
                "signed, besides the token");
  app->add_option("--access-log", flags->access_log,
                  "append who did what, and who was refused, to this file");
  app->add_flag("--allow-insecure-network", flags->allow_insecure_network,
                "listen beyond loopback without encryption or without tokens");
}

}  // namespace hawser
