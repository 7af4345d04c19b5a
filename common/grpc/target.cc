#include "common/grpc/target.h"

#include "absl/strings/match.h"
#include "common/listen_address.h"

namespace hawser {

bool IsUnixTarget(const std::string& target) {
  return absl::StartsWith(target, "unix:") ||
         absl::StartsWith(target, "unix-abstract:");
}

std::string HostOfTarget(const std::string& target) {
  if (IsUnixTarget(target)) return "localhost";
  std::string host = target.substr(0, target.rfind(':'));
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

bool IsOfThisHost(const std::string& target) {
  return IsLoopbackHost(HostOfTarget(target));
}

}  // namespace hawser
