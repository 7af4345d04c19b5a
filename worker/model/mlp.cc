#include "worker/model/mlp.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/model_layout.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "worker/backend/activation.h"
#include "worker/backend/dropout.h"
#include "worker/backend/gemm.h"
#include "worker/backend/softmax_cross_entropy.h"

namespace hawser {
namespace {

// Samples that are evaluated at a time, at least.
constexpr int64_t kEvaluated = 256;

// One linear layer and what follows it. Buffers are [max_batch, outputs].
struct Layer {
  int64_t inputs = 0;
  int64_t outputs = 0;
  int64_t weight = 0;  // offset in the parameter vector: [outputs, inputs]
  int64_t bias = 0;    // [outputs]
  std::vector<float> linear;      // before the activation
  std::vector<float> activated;   // after it, and after dropout
  std::vector<float> mask;        // of dropout, if any
  std::vector<float> derivative;  // of the loss by `activated`, then `linear`
};

class Mlp : public Model {
 public:
  Mlp(const MlpSpec& spec, const ModelLayout& layout, int64_t max_batch,
      ThreadPool* pool)
      : spec_(spec),
        parameters_(static_cast<int64_t>(layout.parameters)),
        max_batch_(std::max(max_batch, kEvaluated)),
        gemm_(pool),
        layers_(layout.layers.size()) {
    for (size_t k = 0; k < layers_.size(); ++k) {
      Layer& layer = layers_[k];
      layer.inputs = spec.layer_sizes(static_cast<int>(k));
      layer.outputs = spec.layer_sizes(static_cast<int>(k) + 1);
      layer.weight = static_cast<int64_t>(layout.tensors[2 * k].offset());
      layer.bias = static_cast<int64_t>(layout.tensors[2 * k + 1].offset());
      const auto size = static_cast<size_t>(max_batch_ * layer.outputs);
      layer.linear.resize(size);
      if (IsLast(k)) continue;
      layer.activated.resize(size);
      layer.derivative.resize(size);
      if (spec.dropout() > 0) layer.mask.resize(size);
    }
    if (spec.input_dropout() > 0) {
      input_.resize(static_cast<size_t>(max_batch_ * layers_[0].inputs));
      input_mask_.resize(input_.size());
    }
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

  SampleSums Gradient(const float* theta, const Batch& batch,
                      const MicroBatchKey& key, float scale, float* gradient,
                      LayerObserver* observer) override {
    CHECK_LE(batch.samples, max_batch_);
    const float* input = DropInput(batch, key);
    if (!Forward(theta, input, batch.samples, &key, observer)) return {};
    Layer& last = layers_.back();
    const SampleSums sums = SoftmaxGradient(
        batch.labels.data(), batch.samples, last.outputs,
        static_cast<float>(spec_.label_smoothing()), scale, last.linear.data());
    for (size_t k = layers_.size(); k-- > 0;) {
      const float* derivative =
          IsLast(k) ? layers_[k].linear.data() : layers_[k].derivative.data();
      Backward(theta, k == 0 ? input : layers_[k - 1].activated.data(), k,
               batch.samples, derivative, gradient);
      observer->GradientDone(static_cast<int>(k));
    }
    return sums;
  }

  SampleSums Evaluate(const float* theta, const Batch& batch) override {
    SampleSums sums;
    for (int64_t s = 0; s < batch.samples; s += max_batch_) {
      const int64_t count = std::min(max_batch_, batch.samples - s);
      NoObserver observer;
      CHECK(Forward(theta, batch.features.data() + s * layers_.front().inputs,
                    count, nullptr, &observer));
      sums += SoftmaxLoss(layers_.back().linear.data(), batch.labels.data() + s,
                          count, layers_.back().outputs);
    }
    return sums;
  }

 private:
  bool IsLast(size_t k) const { return k + 1 == layers_.size(); }

  // The input with dropout: layer number 0 of the dropout masks.
  const float* DropInput(const Batch& batch, const MicroBatchKey& key) {
    if (input_.empty()) return batch.features.data();
    const int64_t n = batch.samples * layers_[0].inputs;
    FillDropoutMask(DropoutRandom(key, 0),
                    static_cast<float>(spec_.input_dropout()), n,
                    input_mask_.data());
    std::copy_n(batch.features.data(), n, input_.data());
    MultiplyInto(input_mask_.data(), n, input_.data());
    return input_.data();
  }

  static CounterRandom DropoutRandom(const MicroBatchKey& key, size_t layer) {
    return CounterRandom(key.seed, RandomPurpose::kDropout, key.step,
                         key.micro_batch, layer);
  }

  // key: null when dropout is off. False: see LayerObserver.
  bool Forward(const float* theta, const float* input, int64_t rows,
               const MicroBatchKey* key, LayerObserver* observer) {
    for (size_t k = 0; k < layers_.size(); ++k) {
      if (!observer->AwaitParameters(static_cast<int>(k))) return false;
      Layer& layer = layers_[k];
      gemm_.MultiplyTransposed(input, theta + layer.weight, rows, layer.outputs,
                               layer.inputs, layer.linear.data());
      if (IsLast(k)) {
        AddBias(theta + layer.bias, rows, layer.outputs, layer.linear.data());
        return true;
      }
      AddBiasAndActivate(spec_.activation(), theta + layer.bias, rows,
                         layer.outputs, layer.linear.data(),
                         layer.activated.data());
      if (key != nullptr && spec_.dropout() > 0) {
        const int64_t n = rows * layer.outputs;
        FillDropoutMask(DropoutRandom(*key, k + 1),
                        static_cast<float>(spec_.dropout()), n,
                        layer.mask.data());
        MultiplyInto(layer.mask.data(), n, layer.activated.data());
      }
      input = layer.activated.data();
    }
    return true;
  }

  // The gradient of layer k from the derivative of the loss by its linear
  // output, and the same derivative for the layer before.
  void Backward(const float* theta, const float* input, size_t k, int64_t rows,
                const float* derivative, float* gradient) {
    const Layer& layer = layers_[k];
    gemm_.MultiplyTransposedLeft(derivative, input, layer.outputs, layer.inputs,
                                 rows, gradient + layer.weight);
    SumRows(derivative, rows, layer.outputs, gradient + layer.bias);
    if (k == 0) return;
    Layer& before = layers_[k - 1];
    gemm_.Multiply(derivative, theta + layer.weight, rows, layer.inputs,
                   layer.outputs, before.derivative.data());
    const int64_t n = rows * before.outputs;
    if (spec_.dropout() > 0) {
      MultiplyInto(before.mask.data(), n, before.derivative.data());
    }
    MultiplyByDerivative(spec_.activation(), before.linear.data(), n,
                         before.derivative.data());
  }

  const MlpSpec spec_;
  const int64_t parameters_;
  const int64_t max_batch_;
  Gemm gemm_;
  std::vector<Layer> layers_;
  std::vector<float> input_;
  std::vector<float> input_mask_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeMlp(const ModelSpec& spec,
                                               int64_t max_batch,
                                               ThreadPool* pool) {
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(spec));
  return std::make_unique<Mlp>(spec.mlp(), layout, max_batch, pool);
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
