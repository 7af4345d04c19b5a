#include "worker/model/mlp.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/model_layout.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "worker/backend/dense.h"
#include "worker/backend/mirror.h"
#include "worker/model/arena.h"
#include "worker/model/layer_delivery.h"
#include "worker/model/layer_versions.h"

namespace hawser {
namespace {

// Samples that are evaluated at a time, at least.
constexpr int64_t kEvaluated = 256;

// One linear layer and what follows it. Buffers are [max_batch, outputs].
struct Layer {
  int64_t inputs = 0;
  int64_t outputs = 0;
  int64_t offset = 0;       // in the parameter vector
  int64_t elements = 0;     // of it
  int64_t weight = 0;       // offset in the parameter vector: [outputs, inputs]
  int64_t bias = 0;         // [outputs]
  float* linear = nullptr;  // before the activation
  float* activated = nullptr;   // after it, and after dropout
  float* mask = nullptr;        // of dropout, if any
  float* derivative = nullptr;  // of the loss by `activated`, then `linear`
};

class Mlp : public Model {
 public:
  Mlp(const MlpSpec& spec, const ModelLayout& layout, int64_t max_batch,
      std::unique_ptr<Backend> backend)
      : spec_(spec),
        parameters_(static_cast<int64_t>(layout.parameters)),
        max_batch_(std::max(max_batch, kEvaluated)),
        backend_(std::move(backend)),
        dense_(backend_->dense()),
        arena_(backend_.get()),
        theta_(backend_.get(), TakeMirror(parameters_)),
        gradient_(backend_.get(), TakeMirror(parameters_)),
        labels_(backend_.get(), TakeMirror(max_batch_)),
        features_(backend_.get(), TakeMirror(max_batch_ * spec.layer_sizes(0))),
        layers_(layout.layers.size()),
        versions_(layers_.size()) {
    for (size_t k = 0; k < layers_.size(); ++k) {
      Layer& layer = layers_[k];
      layer.inputs = spec.layer_sizes(static_cast<int>(k));
      layer.outputs = spec.layer_sizes(static_cast<int>(k) + 1);
      layer.offset = static_cast<int64_t>(layout.layers[k].offset());
      layer.elements = static_cast<int64_t>(layout.layers[k].elements());
      layer.weight = static_cast<int64_t>(layout.tensors[2 * k].offset());
      layer.bias = static_cast<int64_t>(layout.tensors[2 * k + 1].offset());
      const int64_t size = max_batch_ * layer.outputs;
      layer.linear = TakeFloats(size);
      if (IsLast(k)) continue;
      layer.activated = TakeFloats(size);
      layer.derivative = TakeFloats(size);
      if (spec.dropout() > 0) layer.mask = TakeFloats(size);
    }
    if (spec.input_dropout() > 0) {
      const int64_t size = max_batch_ * layers_[0].inputs;
      // A device's copy of the features may be changed; the host's may not.
      input_ = backend_->works_on_host() ? TakeFloats(size) : nullptr;
      input_mask_ = TakeFloats(size);
    }
  }

  // Whether there is memory for it.
  absl::Status MemoryStatus() const {
    if (arena_.status().ok()) return absl::OkStatus();
    return absl::Status(
        arena_.status().code(),
        absl::StrCat(arena_.status().message(), "; the model needs ",
                     (arena_.bytes() >> 20) + 1, " MiB for micro-batches of ",
                     max_batch_,
                     " samples; more schedule.micro_batches, down "
                     "to ",
                     kEvaluated,
                     " samples each, need less, or use a "
                     "GPU with more memory"));
  }
  absl::Status status() const override { return backend_->status(); }
  std::shared_ptr<void> Pin(void* host, int64_t bytes) override {
    return backend_->Pin(host, bytes);
  }

  int64_t parameters() const override { return parameters_; }

  absl::Status CheckData(const DataShape& shape) const override {
    if (shape.features != layers_.front().inputs) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the first of model.mlp.layer_sizes is ", layers_.front().inputs,
          ", but the data has ", shape.features, " features per sample"));
    }
    if (shape.classes > layers_.back().outputs) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the last of model.mlp.layer_sizes is ", layers_.back().outputs,
          ", but the data has ", shape.classes, " classes"));
    }
    return absl::OkStatus();
  }

  SampleSums Gradient(Parameters from, const Batch& batch,
                      const MicroBatchKey& key, float scale, float* gradient,
                      LayerObserver* observer) override {
    CHECK_LE(batch.samples, max_batch_);
    const float* features = Bring(batch, 0, batch.samples);
    const float* input = DropInput(features, batch.samples, key);
    if (!Forward(from, input, batch.samples, &key, observer)) {
      backend_->AwaitAll();
      return {};
    }
    const Layer& last = layers_.back();
    dense_.SoftmaxGradient(
        labels_.Of(batch.labels.data()), batch.samples, last.outputs,
        static_cast<float>(spec_.label_smoothing()), scale, last.linear);
    LayerDelivery delivery(backend_.get(), &gradient_, gradient, observer);
    for (size_t k = layers_.size(); k-- > 0;) {
      const float* derivative =
          IsLast(k) ? layers_[k].linear : layers_[k].derivative;
      backend_->GiveNamed({Work(kBackward, k), batch.samples}, [&] {
        Backward(theta_.Of(from.theta),
                 k == 0 ? input : layers_[k - 1].activated, k, batch.samples,
                 derivative, gradient_.Of(gradient));
      });
      delivery.Done(static_cast<int>(k), layers_[k].offset,
                    layers_[k].elements);
    }
    const SampleSums sums = dense_.TakeSums();
    delivery.Finish();
    return sums;
  }

  SampleSums Evaluate(Parameters from, const Batch& batch) override {
    // Each part of the batch is computed with the same.
    if (from.version == 0) from.version = NewVersion();
    SampleSums sums;
    for (int64_t s = 0; s < batch.samples; s += max_batch_) {
      const int64_t count = std::min(max_batch_, batch.samples - s);
      NoObserver observer;
      CHECK(Forward(from, Bring(batch, s, count), count, nullptr, &observer));
      dense_.SoftmaxLoss(layers_.back().linear,
                         labels_.Of(batch.labels.data() + s), count,
                         layers_.back().outputs);
      sums += dense_.TakeSums();
    }
    backend_->AwaitAll();
    return sums;
  }

 private:
  // Work that is given for each micro-batch, by layer.
  enum Way { kForward, kBackward };
  int64_t Work(Way way, size_t layer) const {
    return static_cast<int64_t>(way * layers_.size() + layer);
  }

  bool IsLast(size_t k) const { return k + 1 == layers_.size(); }

  // 4 bytes an element.
  void* TakeMirror(int64_t elements) {
    return backend_->works_on_host() ? nullptr : arena_.Take(4 * elements);
  }
  float* TakeFloats(int64_t n) {
    return static_cast<float*>(arena_.Take(4 * n));
  }

  // Labels and features of samples [first, first + count), as lanes see them;
  // returns the features.
  const float* Bring(const Batch& batch, int64_t first, int64_t count) {
    const int64_t inputs = layers_.front().inputs;
    const float* features = batch.features.data() + first * inputs;
    labels_.Bring(batch.labels.data() + first, 0, count);
    features_.Bring(features, 0, count * inputs);
    return features_.Of(features);
  }

  // The input with dropout: layer number 0 of the dropout masks.
  const float* DropInput(const float* features, int64_t samples,
                         const MicroBatchKey& key) {
    if (input_mask_ == nullptr) return features;
    const int64_t n = samples * layers_[0].inputs;
    dense_.FillDropoutMask(DropoutRandom(key, 0),
                           static_cast<float>(spec_.input_dropout()), n,
                           input_mask_);
    // Where lanes do not work on the host's memory, this is a copy.
    float* input = features_.Of(static_cast<float*>(input_));
    if (input == input_) std::copy_n(features, n, input);
    dense_.MultiplyInto(input_mask_, n, input);
    return input;
  }

  static CounterRandom DropoutRandom(const MicroBatchKey& key, size_t layer) {
    return CounterRandom(key.seed, RandomPurpose::kDropout, key.step,
                         key.micro_batch, layer);
  }

  // key: null when dropout is off. False: see LayerObserver.
  bool Forward(const Parameters& from, const float* input, int64_t rows,
               const MicroBatchKey* key, LayerObserver* observer) {
    const float* at = theta_.Of(from.theta);
    for (size_t k = 0; k < layers_.size(); ++k) {
      if (!observer->AwaitParameters(static_cast<int>(k))) return false;
      const Layer& layer = layers_[k];
      if (versions_.MustMake(k, from.version)) {
        theta_.Bring(from.theta, layer.offset, layer.elements);
      }
      backend_->GiveNamed({Work(kForward, k), rows}, [&] {
        dense_.MultiplyTransposed(input, at + layer.weight, rows, layer.outputs,
                                  layer.inputs, layer.linear);
        if (IsLast(k)) {
          dense_.AddBias(at + layer.bias, rows, layer.outputs, layer.linear);
        } else {
          dense_.AddBiasAndActivate(spec_.activation(), at + layer.bias, rows,
                                    layer.outputs, layer.linear,
                                    layer.activated);
        }
      });
      if (IsLast(k)) return true;
      if (key != nullptr && spec_.dropout() > 0) {
        const int64_t n = rows * layer.outputs;
        dense_.FillDropoutMask(DropoutRandom(*key, k + 1),
                               static_cast<float>(spec_.dropout()), n,
                               layer.mask);
        dense_.MultiplyInto(layer.mask, n, layer.activated);
      }
      input = layer.activated;
    }
    return true;
  }

  // The gradient of layer k from the derivative of the loss by its linear
  // output, and the same derivative for the layer before. All as lanes see it.
  void Backward(const float* theta, const float* input, size_t k, int64_t rows,
                const float* derivative, float* gradient) {
    const Layer& layer = layers_[k];
    dense_.MultiplyTransposedLeft(derivative, input, layer.outputs,
                                  layer.inputs, rows, gradient + layer.weight);
    dense_.SumRows(derivative, rows, layer.outputs, gradient + layer.bias);
    if (k == 0) return;
    const Layer& before = layers_[k - 1];
    dense_.Multiply(derivative, theta + layer.weight, rows, layer.inputs,
                    layer.outputs, before.derivative);
    const int64_t n = rows * before.outputs;
    if (spec_.dropout() > 0) {
      dense_.MultiplyInto(before.mask, n, before.derivative);
    }
    dense_.MultiplyByDerivative(spec_.activation(), before.linear, n,
                                before.derivative);
  }

  const MlpSpec spec_;
  const int64_t parameters_;
  const int64_t max_batch_;
  const std::unique_ptr<Backend> backend_;
  Dense& dense_;
  Arena arena_;
  const Mirror<float> theta_;
  const Mirror<float> gradient_;
  const Mirror<int32_t> labels_;
  const Mirror<float> features_;
  std::vector<Layer> layers_;
  LayerVersions versions_;       // in theta_
  float* input_ = nullptr;       // the features after dropout
  float* input_mask_ = nullptr;  // of dropout, if any
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeMlp(
    const ModelSpec& spec, int64_t max_batch,
    std::unique_ptr<Backend> backend) {
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(spec));
  auto model =
      std::make_unique<Mlp>(spec.mlp(), layout, max_batch, std::move(backend));
  RETURN_IF_ERROR(model->MemoryStatus());
  return model;
}

int64_t MlpBytes(const ModelSpec& spec, int64_t max_batch) {
  const MlpSpec& mlp = spec.mlp();
  const int64_t rows = std::max(max_batch, kEvaluated);
  int64_t floats = 0;
  for (int k = 1; k < mlp.layer_sizes_size(); ++k) {
    const bool last = k + 1 == mlp.layer_sizes_size();
    const int64_t buffers = last ? 1 : mlp.dropout() > 0 ? 4 : 3;
    floats += rows * mlp.layer_sizes(k) * buffers;
  }
  // The batch, and its dropout.
  floats += rows * mlp.layer_sizes(0) * (mlp.input_dropout() > 0 ? 3 : 1);
  return 4 * floats;
}

}  // namespace hawser
