// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011), for the host and for CUDA devices alike.
#ifndef HAWSER_COMMON_PHILOX_H_
#define HAWSER_COMMON_PHILOX_H_

#include <cstdint>

#ifdef __CUDACC__
#define HAWSER_HOST_DEVICE __host__ __device__
#else
#define HAWSER_HOST_DEVICE
#endif

namespace hawser {

// Ten rounds: counter [4] becomes four random words. key [2] is used up.
HAWSER_HOST_DEVICE inline void Philox4x32(uint32_t* counter, uint32_t* key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter[0] = static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0];
    counter[1] = static_cast<uint32_t>(product1);
    counter[2] = static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1];
    counter[3] = static_cast<uint32_t>(product0);
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
}

}  // namespace hawser

#endif  // HAWSER_COMMON_PHILOX_H_
