// Batches for tests of MLPs.
#ifndef HAWSER_WORKER_MODEL_RANDOM_FEATURES_H_
#define HAWSER_WORKER_MODEL_RANDOM_FEATURES_H_

#include <cstdint>
#include <random>

#include "proto/job.pb.h"
#include "worker/data/batch.h"

namespace hawser {

// So many samples: normal features, [samples, inputs], and labels of all
// classes.
inline Batch RandomFeatures(const MlpSpec& mlp, int64_t samples,
                            std::mt19937* random) {
  std::normal_distribution<float> normal;
  Batch batch;
  batch.samples = samples;
  for (int64_t i = 0; i < samples * mlp.layer_sizes(0); ++i) {
    batch.features.push_back(normal(*random));
  }
  const uint32_t classes = mlp.layer_sizes(mlp.layer_sizes_size() - 1);
  for (int64_t i = 0; i < samples; ++i) {
    batch.labels.push_back(static_cast<int32_t>((*random)() % classes));
  }
  return batch;
}

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_RANDOM_FEATURES_H_
