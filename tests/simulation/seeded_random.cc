#include "tests/simulation/seeded_random.h"

#include <cmath>

#include "common/counter_random.h"
#include "glog/logging.h"

namespace hawser::simulation {

uint64_t SeededRandom::Next() {
  const auto words = Philox(
      {static_cast<uint32_t>(drawn_), static_cast<uint32_t>(drawn_ >> 32),
       static_cast<uint32_t>(purpose_), 0x51517u},
      {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
  ++drawn_;
  return uint64_t{words[1]} << 32 | words[0];
}

uint64_t SeededRandom::Below(uint64_t bound) {
  CHECK_GT(bound, 0u);
  return Next() % bound;
}

int64_t SeededRandom::Between(int64_t least, int64_t most) {
  CHECK_LE(least, most);
  return least +
         static_cast<int64_t>(Below(static_cast<uint64_t>(most - least) + 1));
}

absl::Duration SeededRandom::Between(absl::Duration least,
                                     absl::Duration most) {
  return absl::Nanoseconds(
      Between(absl::ToInt64Nanoseconds(least), absl::ToInt64Nanoseconds(most)));
}

bool SeededRandom::Chance(double probability) {
  return static_cast<double>(Next() >> 11) * 0x1.0p-53 < probability;
}

// Box and Muller, 1958, half of it.
double SeededRandom::Normal() {
  const auto uniform = [this] {
    return (static_cast<double>(Next() >> 11) + 0.5) * 0x1.0p-53;
  };
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * M_PI * uniform());
}

}  // namespace hawser::simulation
