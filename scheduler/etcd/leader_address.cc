#include "scheduler/etcd/leader_address.h"

#include "absl/strings/str_cat.h"

namespace hawser {

std::string ToText(const LeaderAddress& address) {
  if (address.dashboard.empty()) return address.rpc;
  return absl::StrCat(address.rpc, " ", address.dashboard);
}

LeaderAddress LeaderAddressOf(const std::string& text) {
  const size_t space = text.find(' ');
  if (space == std::string::npos) return {text, ""};
  return {text.substr(0, space), text.substr(space + 1)};
}

std::string DashboardUrl(const std::string& scheme, const std::string& listener,
                         const std::string& rpc) {
  const size_t colon = listener.rfind(':');
  std::string host = listener.substr(0, colon);
  if (host == "0.0.0.0" || host == "[::]") host = rpc.substr(0, rpc.rfind(':'));
  return absl::StrCat(scheme, "://", host, listener.substr(colon));
}

}  // namespace hawser
