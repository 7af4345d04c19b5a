// The flags of a daemon's HTTP listener, the same for all daemons.
#ifndef HAWSER_COMMON_HTTP_HTTP_FLAGS_H_
#define HAWSER_COMMON_HTTP_HTTP_FLAGS_H_

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "common/http/http_listener.h"

namespace hawser {

struct HttpFlags {
  std::string listen;     // --http-listen; empty: there is no listener
  std::string port_file;  // --http-port-file
};

// what: what there is to see, for --help.
void AddHttpFlags(const std::string& what, HttpFlags* flags, CLI::App* app);

// Starts the listener and writes the port file. Null: none was asked for.
// options: but for the address. Errors are the listener's, and those of writing
// the file.
absl::StatusOr<std::unique_ptr<HttpListener>> StartHttp(
    const HttpFlags& flags, HttpListener::Options options,
    std::vector<HttpRoute> routes);

}  // namespace hawser

#endif  // HAWSER_COMMON_HTTP_HTTP_FLAGS_H_
