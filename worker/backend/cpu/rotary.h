// Rotary positions on the CPU; see Lane::Rotate.
//
// Not thread-safe: keeps a table of sines and cosines.
#ifndef HAWSER_WORKER_BACKEND_CPU_ROTARY_H_
#define HAWSER_WORKER_BACKEND_CPU_ROTARY_H_

#include <cstdint>
#include <vector>

#include "worker/backend/matrix.h"

namespace hawser {

class CpuRotary {
 public:
  void Rotate(int64_t head_width, double base, int64_t context,
              int64_t first_position, bool backward, Matrix x);

 private:
  void Prepare(int64_t head_width, double base, int64_t context);

  int64_t head_width_ = 0;
  double base_ = 0;
  int64_t context_ = 0;
  // [context, head_width / 2]
  std::vector<float> cosines_;
  std::vector<float> sines_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_ROTARY_H_
