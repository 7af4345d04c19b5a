#include "common/counter_random.h"

#include <cmath>
#include <numbers>

#include "common/philox.h"

namespace hawser {
namespace {

// SplitMix64's finaliser: spreads what tells streams apart over all bits.
uint64_t Mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9;
  x ^= x >> 27;
  x *= 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace

std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter,
                               std::array<uint32_t, 2> key) {
  Philox4x32(counter.data(), key.data());
  return counter;
}

CounterRandom::CounterRandom(uint64_t seed, RandomPurpose purpose, uint64_t a,
                             uint64_t b, uint64_t c) {
  uint64_t stream = Mix(static_cast<uint64_t>(purpose) + 0x9E3779B97F4A7C15);
  for (const uint64_t part : {a, b, c}) {
    stream = Mix(stream + part + 0x9E3779B97F4A7C15);
  }
  key_ = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  counter_high_ = {static_cast<uint32_t>(stream),
                   static_cast<uint32_t>(stream >> 32)};
}

std::array<uint32_t, 4> CounterRandom::Words(uint64_t index) const {
  return Philox(
      {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
       counter_high_[0], counter_high_[1]},
      key_);
}

float CounterRandom::Normal(uint64_t index) const {
  const std::array<uint32_t, 4> words = Words(index / 2);
  const size_t pair = 2 * (index % 2);
  // In (0, 1], so that the logarithm is finite.
  const double radius_uniform =
      (static_cast<double>(words[pair]) + 1.0) * 0x1.0p-32;
  const double angle =
      2.0 * std::numbers::pi * static_cast<double>(words[pair + 1]) * 0x1.0p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(radius_uniform)) *
                            std::cos(angle));
}

uint64_t CounterRandom::Below(uint64_t index, uint64_t bound) const {
  const std::array<uint32_t, 4> words = Words(index);
  const uint64_t bits = uint64_t{words[1]} << 32 | words[0];
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits) * bound) >>
                               64);
}

}  // namespace hawser
