// Samples on their way into a model.
#ifndef HAWSER_WORKER_DATA_BATCH_H_
#define HAWSER_WORKER_DATA_BATCH_H_

#include <cstdint>
#include <vector>

namespace hawser {

// What a data set's samples look like.
struct DataShape {
  int64_t features = 0;  // values per sample
  int64_t classes = 0;   // labels are 0..classes-1
};

struct Batch {
  int64_t samples = 0;
  std::vector<float> features;  // [samples, features], row-major
  std::vector<int32_t> labels;  // [samples]
};

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_BATCH_H_
