// A data set: training and validation samples, by position. Adding a source
// touches one new file and one line of the list in dataset.cc.
//
// Thread-compatible: const methods may run concurrently.
#ifndef HAWSER_WORKER_DATA_DATASET_H_
#define HAWSER_WORKER_DATA_DATASET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/job.pb.h"
#include "worker/data/batch.h"

namespace hawser {

class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual DataShape shape() const = 0;
  virtual int64_t training_samples() const = 0;
  virtual int64_t validation_samples() const = 0;

  // Bytes of text that the validation samples' labels stand for; 0: unknown, or
  // not text.
  virtual int64_t validation_bytes() const { return 0; }

  // The class of every training sample, by position.
  virtual std::vector<int32_t> TrainingLabels() const = 0;

  // Replaces the batch by the training samples at these positions, augmented as
  // the spec says: a function of (seed, epoch, position).
  virtual void FillTraining(absl::Span<const int64_t> positions, uint64_t seed,
                            uint64_t epoch, Batch* batch) const = 0;

  // Validation samples [first, first + count).
  virtual void FillValidation(int64_t first, int64_t count,
                              Batch* batch) const = 0;
};

// Opens the data below data_root for a model of this kind (text is cut into
// samples as long as the model's context). NOT_FOUND: a file is missing.
// INVALID_ARGUMENT: a file is damaged or does not fit the others; the message
// names the file, what was found and what was expected.
absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(
    const DataSpec& spec, const ModelSpec& model, const std::string& data_root);

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_DATASET_H_
