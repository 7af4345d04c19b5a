// Where a scheduler that leads is reached: the value of the key that it holds
// in etcd.
//
//   10.0.0.7:7070 https://10.0.0.7:9090
//
// Pure functions.
#ifndef HAWSER_SCHEDULER_ETCD_LEADER_ADDRESS_H_
#define HAWSER_SCHEDULER_ETCD_LEADER_ADDRESS_H_

#include <string>

namespace hawser {

struct LeaderAddress {
  std::string rpc;        // HOST:PORT
  std::string dashboard;  // a URL; empty: it has none
};

std::string ToText(const LeaderAddress& address);
LeaderAddress LeaderAddressOf(const std::string& text);

// The URL of a dashboard that listens at HOST:PORT, for others: a listener on
// all addresses is reached by the host of `rpc`. scheme: "http" or "https".
std::string DashboardUrl(const std::string& scheme, const std::string& listener,
                         const std::string& rpc);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_LEADER_ADDRESS_H_
