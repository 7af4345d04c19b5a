// A model as the training loop sees it: a function from a parameter vector and
// a batch to a gradient and sums over samples. Adding a model touches one new
// file and one line of the list in model.cc.
//
// Thread-compatible: one caller at a time; it may use the thread pool it was
// made with. Everything it returns is a function of its arguments alone, the
// same bits for any number of threads.
#ifndef HAWSER_WORKER_MODEL_MODEL_H_
#define HAWSER_WORKER_MODEL_MODEL_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/metrics.h"
#include "proto/job.pb.h"
#include "worker/backend/backend.h"
#include "worker/data/batch.h"

namespace hawser {

class ThreadPool;

// Names the random choices (dropout) of one micro-batch.
struct MicroBatchKey {
  uint64_t seed = 0;
  uint64_t step = 0;
  uint32_t micro_batch = 0;
};

// Parameters that a model is given, and which they are.
struct Parameters {
  // version: of Model::NewVersion, or 0: not known to be those of any call
  // before.
  Parameters(const float* theta, uint64_t version = 0)  // NOLINT
      : theta(theta), version(version) {}

  const float* theta;  // [parameters of the model]
  uint64_t version;
};

// Follows a gradient's computation layer by layer, so that parameters may still
// be on their way when it begins, and gradients leave before it ends.
class LayerObserver {
 public:
  virtual ~LayerObserver() = default;
  // Called before the layer's parameters are used, first layer first; returns
  // when they may be. A later layer may use those of an earlier one. No
  // gradient is written before every layer has been awaited. False: they will
  // not come, and neither parameters nor gradient may be touched any more.
  [[nodiscard]] virtual bool AwaitParameters(int layer) = 0;
  // The layer's part of the gradient is final and its parameters are not used
  // any more; last layer first.
  virtual void GradientDone(int layer) = 0;
};

// For whoever has all parameters and wants the gradient as a whole.
class NoObserver : public LayerObserver {
 public:
  bool AwaitParameters(int) override { return true; }
  void GradientDone(int) override {}
};

class Model {
 public:
  virtual ~Model() = default;

  // Elements of the parameter vector.
  virtual int64_t parameters() const = 0;

  // INVALID_ARGUMENT: batches of this shape do not fit the model (features,
  // classes); said once, before training.
  virtual absl::Status CheckData(const DataShape& shape) const = 0;

  // Names parameters that do not change while they have this name: what the
  // model has made of them, a copy or operands, it need not make again. The
  // name holds for layers that an observer's AwaitParameters has said are there
  // and for all of them in Evaluate.
  uint64_t NewVersion() { return ++versions_; }

  // Writes scale * d(sum of the samples' losses)/d(theta) to gradient
  // [parameters()], every element. Layers are those of the model's layout. An
  // empty batch gives zeros. When the observer says that parameters will not
  // come, returns soon, with sums that mean nothing.
  virtual SampleSums Gradient(Parameters parameters, const Batch& batch,
                              const MicroBatchKey& key, float scale,
                              float* gradient, LayerObserver* observer) = 0;

  // Loss and correct predictions without dropout or label smoothing. A batch of
  // any size.
  virtual SampleSums Evaluate(Parameters parameters, const Batch& batch) = 0;

  // For parameters and gradients that it is given often: see Backend.
  virtual std::shared_ptr<void> Pin(void* host, int64_t bytes) = 0;

  // Not OK: what it computes on has failed. What Gradient and Evaluate have
  // returned since means nothing, and the observer was not told of all layers.
  virtual absl::Status status() const = 0;

 private:
  uint64_t versions_ = 0;
};

// max_batch: most samples that Gradient is given, for buffers. A sample's loss
// is that of its class (MLP) or the mean over its tokens (and `correct` is 0).
absl::StatusOr<std::unique_ptr<Model>> MakeModel(
    const ModelSpec& spec, int64_t max_batch, std::unique_ptr<Backend> backend);
// On the CPU. pool outlives the model.
absl::StatusOr<std::unique_ptr<Model>> MakeModel(const ModelSpec& spec,
                                                 int64_t max_batch,
                                                 ThreadPool* pool);

// What MakeModel takes for buffers, in bytes; known without making it.
int64_t ModelBytes(const ModelSpec& spec, int64_t max_batch, int threads);

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_MODEL_H_
