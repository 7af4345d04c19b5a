// Samples on their way into a model.
#ifndef HAWSER_WORKER_DATA_BATCH_H_
#define HAWSER_WORKER_DATA_BATCH_H_

#include <cstdint>
#include <vector>

namespace hawser {

// What a data set's samples look like: a vector of features and a class, or a
// run of tokens, each with the one that follows it.
struct DataShape {
  int64_t features = 0;    // values per sample; 0: samples are tokens
  int64_t classes = 0;     // labels are 0..classes-1
  int64_t context = 0;     // tokens per sample; 0: samples are features
  int64_t vocabulary = 0;  // tokens are 0..vocabulary-1
};

struct Batch {
  int64_t samples = 0;
  std::vector<float> features;  // [samples, features], row-major
  std::vector<int32_t> tokens;  // [samples, context], row-major
  // The class of each sample [samples], or the token that follows each token
  // [samples, context].
  std::vector<int32_t> labels;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_BATCH_H_
