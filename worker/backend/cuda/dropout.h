// Dropout's factors on the device: those of counter_random.h, bit for bit.
#ifndef HAWSER_WORKER_BACKEND_CUDA_DROPOUT_H_
#define HAWSER_WORKER_BACKEND_CUDA_DROPOUT_H_

#include <cuda_runtime.h>

#include <cstdint>

#include "common/philox.h"

namespace hawser::cuda {

// See Dropout of lane.h.
struct Drops {
  float rate = 0;
  float kept = 1;  // 1 / (1 - rate)
  int64_t first_row = 0;
  uint32_t key[2] = {0, 0};
  uint32_t counter_high[2] = {0, 0};

  // 0 or `kept`: of the element with this number of the stream.
  __device__ float Factor(int64_t number) const {
    if (rate == 0) return 1;
    const auto group = static_cast<uint64_t>(number) / 4;
    uint32_t words[4] = {static_cast<uint32_t>(group),
                         static_cast<uint32_t>(group >> 32), counter_high[0],
                         counter_high[1]};
    uint32_t used[2] = {key[0], key[1]};
    Philox4x32(words, used);
    // Without an index that the compiler does not know, which would need
    // memory.
    const int word = static_cast<int>(number & 3);
    const uint32_t chosen = word == 0   ? words[0]
                            : word == 1 ? words[1]
                            : word == 2 ? words[2]
                                        : words[3];
    return static_cast<float>(chosen >> 8) * 0x1.0p-24f < rate ? 0 : kept;
  }
  // Of [r, c] of a matrix of so many columns.
  __device__ float Factor(int64_t r, int64_t c, int64_t columns) const {
    return Factor((first_row + r) * columns + c);
  }
};

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_DROPOUT_H_
