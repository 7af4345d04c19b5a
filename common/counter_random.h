// Random numbers as a pure function of a key and a counter: Philox4x32-10
// (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// Whoever computes element i of a stream gets the same bits, on any thread, on
// any machine, in any order.
//
// Thread-safe: immutable.
#ifndef HAWSER_COMMON_COUNTER_RANDOM_H_
#define HAWSER_COMMON_COUNTER_RANDOM_H_

#include <array>
#include <cstdint>

namespace hawser {

// What a stream of random numbers is for. Two purposes never share a stream.
enum class RandomPurpose : uint32_t {
  kInitialWeights = 1,  // a = tensor number
  kSampleOrder = 2,     // a = epoch
  kDropout = 3,         // a = step, b = micro-batch, c = layer
  kAugmentation = 4,    // a = epoch, b = sample position
  kClassOrder = 5,      // a = epoch, b = micro-batch
  kTextStart = 6,       // a = epoch
  kSampledToken = 7,    // index = position in the text
  kRecomputed = 8,      // a = step, index = micro-batch
};

// The function itself: ten rounds of Philox4x32.
std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter,
                               std::array<uint32_t, 2> key);

class CounterRandom {
 public:
  CounterRandom(uint64_t seed, RandomPurpose purpose, uint64_t a = 0,
                uint64_t b = 0, uint64_t c = 0);

  // Four independent words for counter value `index`.
  std::array<uint32_t, 4> Words(uint64_t index) const;

  // Element `index` of the stream, uniform over 32 bits. Element 4k+j is word j
  // of Words(k).
  uint32_t Word(uint64_t index) const { return Words(index / 4)[index % 4]; }

  // Uniform in [0, 1), a multiple of 2^-24, exact in float.
  float Uniform(uint64_t index) const {
    return static_cast<float>(Word(index) >> 8) * 0x1.0p-24f;
  }

  // For those who compute words elsewhere (philox.h): Words(index) has the
  // counter {index, index >> 32, high[0], high[1]} and this key.
  const std::array<uint32_t, 2>& key() const { return key_; }
  const std::array<uint32_t, 2>& counter_high() const { return counter_high_; }

  // Standard normal by Box-Muller from words 2k and 2k+1.
  float Normal(uint64_t index) const;

  // Uniform in [0, bound), as floor(bound * 64 random
  // bits / 2^64); from Words(index).
  uint64_t Below(uint64_t index, uint64_t bound) const;

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 2> counter_high_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_COUNTER_RANDOM_H_
