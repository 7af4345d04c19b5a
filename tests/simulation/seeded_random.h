// A sequence of random numbers that is a function of (seed, purpose) alone.
// Each part of a simulation has a purpose of its own, so that one more draw in
// one part changes nothing in another.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_SEEDED_RANDOM_H_
#define HAWSER_TESTS_SIMULATION_SEEDED_RANDOM_H_

#include <cstdint>

#include "absl/time/time.h"

namespace hawser::simulation {

class SeededRandom {
 public:
  enum class Purpose : uint32_t {
    kSetup = 1,
    kNetwork = 2,
    kDisk = 3,
    kFaults = 4,
    kPace = 5,
  };

  SeededRandom(uint64_t seed, Purpose purpose)
      : seed_(seed), purpose_(purpose) {}

  uint64_t Next();
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [least, most].
  int64_t Between(int64_t least, int64_t most);
  absl::Duration Between(absl::Duration least, absl::Duration most);
  bool Chance(double probability);
  // Mean 0, variance 1.
  double Normal();

 private:
  const uint64_t seed_;
  const Purpose purpose_;
  uint64_t drawn_ = 0;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_SEEDED_RANDOM_H_
