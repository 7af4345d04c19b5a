// The server's process of the data plane's benchmark: the real driver, shards
// and gRPC service, with jobs that a benchmark makes up.
#ifndef HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_SERVER_H_
#define HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "proto/plan.pb.h"

namespace hawser {

// A vector of `elements` in blocks of `block_elements`, on server 0.
//
// sums: a step is two micro-batches, pushed one by one, and the update waits
// for BenchServer::Release: the pushes alone can be measured. Otherwise a step
// is one push, and the update is Adam's.
Plan BenchPlan(uint64_t job, uint64_t elements, uint64_t block_elements,
               bool sums);

class BenchServer {
 public:
  // Forks the server: before any thread is started.
  explicit BenchServer(const std::vector<Plan>& plans);
  ~BenchServer();

  pid_t process() const { return process_; }
  // Where each of the carriers between processes reaches it.
  const ServerEndpoint& endpoint() const { return endpoints_.servers(0); }
  // The same by TCP and TLS; ConnectByCarrier knows its certificate.
  const std::string& tls_address() const {
    return endpoints_.servers(1).address();
  }

  // Lets the update of a step be made, of a plan with `sums`.
  void Release(const Plan& plan, uint64_t step);

 private:
  pid_t process_ = 0;
  int commands_ = -1;
  Plan endpoints_;  // its servers alone
};

}  // namespace hawser

#endif  // HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_SERVER_H_
