// Network links of finite speed: each process sends and receives at so many
// bytes a second, both at once, one message after the other. A message is there
// when both ends are done with it; a link begins with a message when it is done
// with those that were sent before. So nothing exceeds a link's speed, and a
// message never waits for one that waits at another process.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_LINKS_H_
#define HAWSER_TESTS_SIMULATION_LINKS_H_

#include <cstdint>
#include <map>

#include "absl/time/time.h"

namespace hawser::simulation {

class Links {
 public:
  // Every byte of parameters counts as so many: a few stand for many.
  void SetParameterFactor(double factor) { parameter_factor_ = factor; }

  // Process number `process`; without: as fast as one likes.
  void SetSpeed(uint32_t process, double bytes_per_second) {
    bytes_per_second_[process] = bytes_per_second;
  }

  // When a message that is sent now has been received, its latency apart. Some
  // of its bytes may be parameters.
  absl::Time Transfer(uint32_t from, uint32_t to, uint64_t bytes,
                      uint64_t parameter_bytes, absl::Time now);

 private:
  // When each process is done with what it sends, or receives.
  using Direction = std::map<uint32_t, absl::Time>;

  absl::Time Occupy(Direction* direction, uint32_t process, double bytes,
                    absl::Time now);

  double parameter_factor_ = 1;
  std::map<uint32_t, double> bytes_per_second_;
  Direction out_;
  Direction in_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_LINKS_H_
