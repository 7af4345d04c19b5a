// Validation data is cut into chunks, whoever computes them, so that its sums
// are the same for any number of workers.
#ifndef HAWSER_COMMON_JOB_VALIDATION_CHUNKS_H_
#define HAWSER_COMMON_JOB_VALIDATION_CHUNKS_H_

#include <cstdint>

namespace hawser {

inline constexpr uint64_t kValidationChunk = 256;  // samples

inline uint32_t ValidationChunks(uint64_t samples) {
  return static_cast<uint32_t>((samples + kValidationChunk - 1) /
                               kValidationChunk);
}

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_VALIDATION_CHUNKS_H_
