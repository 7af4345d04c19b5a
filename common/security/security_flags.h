// The flags of TLS and tokens, the same of every program.
#ifndef HAWSER_COMMON_SECURITY_SECURITY_FLAGS_H_
#define HAWSER_COMMON_SECURITY_SECURITY_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"

namespace hawser {

struct SecurityFlags {
  std::string tls_directory;  // --tls-dir
  // Of who listens:
  std::string tokens_file;
  std::string access_log;
  bool require_client_certificates = false;
  bool allow_insecure_network = false;
  // Of who calls:
  std::string token_file;
};

// flags outlives the app's parsing. --tls-dir, and --token-file of who calls.
void AddCallerFlags(CLI::App* app, SecurityFlags* flags);
// Of who listens; --tls-dir is among them unless AddCallerFlags has added it.
void AddListenerFlags(CLI::App* app, SecurityFlags* flags);

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_SECURITY_FLAGS_H_
