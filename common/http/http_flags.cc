#include "common/http/http_flags.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {

void AddHttpFlags(const std::string& what, HttpFlags* flags, CLI::App* app) {
  app->add_option("--http-listen", flags->listen,
                  absl::StrCat("HOST:PORT for ", what,
                               " over HTTP (port 0: any free one; default: "
                               "none)"));
  app->add_option("--http-port-file", flags->port_file,
                  "write the HTTP address to this file once listening");
}

absl::StatusOr<std::unique_ptr<HttpListener>> StartHttp(
    const HttpFlags& flags, HttpListener::Options options,
    std::vector<HttpRoute> routes) {
  if (flags.listen.empty()) return nullptr;
  const char* scheme = options.tls.has_value() ? "https" : "http";
  options.address = flags.listen;
  ASSIGN_OR_RETURN(auto listener,
                   HttpListener::Start(options, std::move(routes)));
  LOG(INFO) << scheme << "://" << listener->address();
  if (!flags.port_file.empty()) {
    RETURN_IF_ERROR(WriteWholeFile(flags.port_file, listener->address()));
  }
  return listener;
}

}  // namespace hawser
