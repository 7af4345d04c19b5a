#include "worker/model/gpt.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/model_layout.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "worker/backend/cpu/cpu_backend.h"
#include "worker/backend/mirror.h"
#include "worker/model/arena.h"
#include "worker/model/gpt_block.h"
#include "worker/model/gpt_buffers.h"
#include "worker/model/gpt_head.h"
#include "worker/model/gpt_memory.h"
#include "worker/model/gpt_parameters.h"
#include "worker/model/gpt_tensors.h"
#include "worker/model/layer_delivery.h"
#include "worker/model/layer_versions.h"

namespace hawser {
namespace {

// Elements that a task converts or clears, and columns of an embedding that a
// task adds to.
constexpr int64_t kPiece = 1 << 16;
constexpr int64_t kColumns = 32;

// A loss beyond this (or not a number) counts as this, so that sums fit.
constexpr double kMostNats = 1000;

SampleSums SumsOf(const float* losses, int64_t samples, int64_t context) {
  SampleSums sums;
  for (int64_t s = 0; s < samples; ++s) {
    double total = 0;
    for (int64_t t = 0; t < context; ++t) total += losses[s * context + t];
    const double mean = total / static_cast<double>(context);
    // Not a number fails every comparison.
    sums.loss_nanonats +=
        std::llround(1e9 * (mean < kMostNats ? mean : kMostNats));
  }
  sums.samples = samples;
  return sums;
}

class Gpt : public Model {
 public:
  Gpt(const GptSpec& spec, const ModelLayout& layout, int64_t max_batch,
      std::unique_ptr<Backend> backend)
      : spec_(spec),
        shape_(spec_),
        tensors_(spec_, layout),
        max_batch_(max_batch),
        backend_(std::move(backend)),
        available_(backend_->FreeBytes()),
        arena_(backend_.get()),
        buffers_(spec_, max_batch * shape_.context, backend_->panel_rows(),
                 backend_->takes_whole_batches(), &arena_),
        parameters_(backend_.get(), TakeMirror(tensors_.parameters)),
        gradient_(backend_.get(), TakeMirror(tensors_.parameters)),
        tokens_(backend_.get(), TakeMirror(max_batch * shape_.context)),
        labels_(backend_.get(), TakeMirror(max_batch * shape_.context)),
        versions_(layout.layers.size()),
        head_(spec_, tensors_, backend_.get()) {
    for (int64_t k = 0; k < shape_.layers; ++k) {
      blocks_.emplace_back(spec_, tensors_.blocks[static_cast<size_t>(k)], k,
                           backend_.get());
    }
    for (const LayerShape& layer : layout.layers) {
      layers_.push_back({static_cast<int64_t>(layer.offset()),
                         static_cast<int64_t>(layer.elements())});
    }
    if (!backend_->works_on_host()) {
      losses_.resize(static_cast<size_t>(max_batch * shape_.context));
      pinned_losses_ = backend_->Pin(
          losses_.data(), static_cast<int64_t>(losses_.size() * sizeof(float)));
    }
    if (shape_.element != Element::kFloat32) {
      operands_ = arena_.TakeMatrix(1, tensors_.parameters, shape_.element);
    }
    if (!backend_->works_on_host() && arena_.status().ok()) {
      // Now, rather than in the first step.
      const int64_t rows =
          std::min(backend_->panel_rows(), max_batch * shape_.context);
      backend_->ForEach(1, [&](Lane& lane, int64_t) {
        lane.Scratch(kProductSlot, ProductFloats(shape_, rows));
      });
    }
  }

  // Whether there is memory for it.
  absl::Status MemoryStatus() const {
    const absl::Status status =
        arena_.status().ok() ? backend_->status() : arena_.status();
    if (!absl::IsResourceExhausted(status)) return status;
    return GptDoesNotFit(status, spec_, tensors_.parameters, max_batch_,
                         available_, *backend_);
  }

  int64_t parameters() const override { return tensors_.parameters; }
  absl::Status status() const override { return backend_->status(); }
  std::shared_ptr<void> Pin(void* host, int64_t bytes) override {
    return backend_->Pin(host, bytes);
  }

  absl::Status CheckData(const DataShape& shape) const override {
    if (shape.context != shape_.context) {
      return absl::InvalidArgumentError(absl::StrCat(
          "model.gpt is a model of text, with a context of ", shape_.context,
          " tokens, but the data's samples have ", shape.context,
          "; use data { text { } } or data { tokens { } }"));
    }
    if (shape.vocabulary > shape_.vocabulary) {
      return absl::InvalidArgumentError(absl::StrCat(
          "model.gpt.vocabulary is ", shape_.vocabulary,
          ", but the data's tokens go up to ", shape.vocabulary - 1,
          "; use a vocabulary of at least ", shape.vocabulary));
    }
    return absl::OkStatus();
  }

  SampleSums Gradient(Parameters from, const Batch& batch,
                      const MicroBatchKey& key, float scale, float* gradient,
                      LayerObserver* observer) override {
    CHECK_LE(batch.samples, max_batch_);
    const auto layers = static_cast<int>(shape_.layers);
    LayerDelivery delivery(backend_.get(), &gradient_, gradient, observer);
    const auto done = [&](int layer) {
      const LayerRange& range = layers_[static_cast<size_t>(layer)];
      delivery.Done(layer, range.offset, range.elements);
    };
    float* const dtheta = gradient_.Of(gradient);
    if (batch.samples == 0) {
      for (int layer = 0; layer <= layers + 1; ++layer) {
        if (!observer->AwaitParameters(layer)) return {};
      }
      Clear(dtheta, tensors_.parameters);
      for (int layer = layers + 1; layer >= 0; --layer) done(layer);
      delivery.Finish();
      return SampleSums();
    }
    const GptParameters parameters = ParametersAt(parameters_.Of(from.theta));
    const int64_t rows = batch.samples * shape_.context;
    const Text text = Bring(batch.tokens.data(), batch.labels.data(), rows);
    if (!Forward(from, text.tokens, &key, observer)) {
      backend_->AwaitAll();
      return {};
    }
    WeightGradients gradients(dtheta, backend_.get());
    int at = 0;
    const float of_token = scale / static_cast<float>(shape_.context);
    backend_->GiveNamed({Work(kBackward, layers + 1), rows, of_token}, [&] {
      head_.Backward(parameters, text.labels, of_token, at, buffers_,
                     &gradients);
    });
    FetchLosses(batch.samples);
    done(layers + 1);
    for (int k = layers - 1; k >= 0; --k) {
      const GptBlock& block = blocks_[static_cast<size_t>(k)];
      Give(Work(kBackward, k + 1), rows, &key, [&] {
        if (spec_.recompute_activations()) {
          block.Forward(parameters, &key, rows, buffers_);
        }
        block.Backward(parameters, &key, rows, at, buffers_, &gradients);
      });
      at = (at + 2) % 3;
      done(k + 1);
    }
    Give(Work(kBackward, 0), rows, &key,
         [&] { EmbedBackward(text.tokens, key, at, dtheta); });
    done(0);
    delivery.Finish();
    return FetchedSums(batch.samples);
  }

  SampleSums Evaluate(Parameters from, const Batch& batch) override {
    // Each part of the batch is computed with the same.
    if (from.version == 0) from.version = NewVersion();
    const GptParameters parameters = ParametersAt(parameters_.Of(from.theta));
    NoObserver observer;
    SampleSums sums;
    for (int64_t s = 0; s < batch.samples; s += max_batch_) {
      const int64_t count = std::min(max_batch_, batch.samples - s);
      const int64_t first = s * shape_.context;
      const Text text =
          Bring(batch.tokens.data() + first, batch.labels.data() + first,
                count * shape_.context);
      CHECK(Forward(from, text.tokens, nullptr, &observer));
      backend_->GiveNamed(
          {Work(kForward, static_cast<int>(shape_.layers) + 1),
           count * shape_.context},
          [&] { head_.Forward(parameters, text.labels, buffers_); });
      FetchLosses(count);
      backend_->AwaitAll();
      sums += FetchedSums(count);
    }
    return sums;
  }

 private:
  // Of tokens, or of labels, as lanes see them.
  struct Text {
    absl::Span<const int32_t> tokens, labels;
  };

  // Work that is given for each micro-batch, by layer.
  enum Way { kForward, kBackward };
  int64_t Work(Way way, int layer) const {
    return way * (shape_.layers + 2) + layer;
  }

  // Work without dropout is the same for all batches of so many rows.
  void Give(int64_t work, int64_t rows, const MicroBatchKey* key,
            absl::FunctionRef<void()> give) {
    if (key != nullptr && spec_.dropout() > 0) {
      give();
    } else {
      backend_->GiveNamed({work, rows}, give);
    }
  }

  // 4 bytes an element.
  void* TakeMirror(int64_t elements) {
    return backend_->works_on_host() ? nullptr : arena_.Take(4 * elements);
  }

  Text Bring(const int32_t* tokens, const int32_t* labels, int64_t rows) {
    tokens_.Bring(tokens, 0, rows);
    labels_.Bring(labels, 0, rows);
    const auto n = static_cast<size_t>(rows);
    return {{tokens_.Of(tokens), n}, {labels_.Of(labels), n}};
  }

  // Has the losses of so many samples brought to the host, where they are after
  // AwaitAll.
  void FetchLosses(int64_t samples) {
    if (backend_->works_on_host()) return;
    backend_->CopyOut(buffers_.losses,
                      samples * shape_.context * int64_t{sizeof(float)},
                      losses_.data());
  }
  SampleSums FetchedSums(int64_t samples) const {
    return SumsOf(backend_->works_on_host() ? buffers_.losses : losses_.data(),
                  samples, shape_.context);
  }

  // theta: as lanes see it.
  GptParameters ParametersAt(const float* theta) const {
    if (shape_.element == Element::kFloat32) {
      return {theta, theta, Element::kFloat32};
    }
    return {theta, operands_.data(), shape_.element};
  }

  // Waits for a layer's parameters and makes operands of them. False: see
  // LayerObserver.
  bool TakeLayer(const Parameters& from, int layer, LayerObserver* observer) {
    if (!observer->AwaitParameters(layer)) return false;
    const auto number = static_cast<size_t>(layer);
    if (!versions_.MustMake(number, from.version)) return true;
    const LayerRange& range = layers_[number];
    parameters_.Bring(from.theta, range.offset, range.elements);
    if (shape_.element == Element::kFloat32) return true;
    const float* lanes_theta = parameters_.Of(from.theta);
    ForEachPiece(range.elements, [&](Lane& lane, int64_t piece, int64_t count) {
      const int64_t first = range.offset + piece;
      lane.Convert(ConstMatrix(lanes_theta + first, 1, count),
                   operands_.Columns(first, count));
    });
    return true;
  }

  template <typename Work>
  void ForEachPiece(int64_t n, Work work) {
    const int64_t size =
        backend_->takes_whole_batches() ? std::max(n, int64_t{1}) : kPiece;
    backend_->ForEach((n + size - 1) / size, [&](Lane& lane, int64_t i) {
      work(lane, i * size, std::min(size, n - i * size));
    });
  }

  void Clear(float* x, int64_t n) {
    ForEachPiece(n, [&](Lane& lane, int64_t first, int64_t count) {
      lane.Fill(0, Matrix(x + first, 1, count));
    });
  }

  // tokens: the lanes'. key: null when dropout is off.
  // False: see LayerObserver.
  bool Forward(const Parameters& from, absl::Span<const int32_t> tokens,
               const MicroBatchKey* key, LayerObserver* observer) {
    if (!TakeLayer(from, 0, observer)) return false;
    const GptParameters parameters = ParametersAt(parameters_.Of(from.theta));
    const auto rows = static_cast<int64_t>(tokens.size());
    Give(Work(kForward, 0), rows, key, [&] { Embed(parameters, tokens, key); });
    int layer = 0;
    for (const GptBlock& block : blocks_) {
      if (!TakeLayer(from, ++layer, observer)) return false;
      Give(Work(kForward, layer), rows, key,
           [&] { block.Forward(parameters, key, rows, buffers_); });
    }
    return TakeLayer(from, ++layer, observer);
  }

  void Embed(const GptParameters& parameters, absl::Span<const int32_t> tokens,
             const MicroBatchKey* key) {
    const auto rows = static_cast<int64_t>(tokens.size());
    const bool learned = tensors_.position_embedding >= 0;
    const ConstMatrix weight(parameters.theta + tensors_.token_embedding,
                             shape_.vocabulary, shape_.width);
    const ConstMatrix positions =
        learned ? ConstMatrix(parameters.theta + tensors_.position_embedding,
                              shape_.context, shape_.width)
                : ConstMatrix();
    const Dropout embedding_dropout = DropoutOf(spec_, key, 0);
    backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
      const Matrix x = buffers_.stream.front().Rows(first, count);
      lane.EmbedForward(tokens.subspan(static_cast<size_t>(first),
                                       static_cast<size_t>(count)),
                        weight, positions, first % shape_.context, x);
      if (embedding_dropout.rate == 0) return;
      Dropout dropout = embedding_dropout;
      dropout.first_row = first;
      lane.Drop(dropout, x, x);
    });
  }

  // From dstream[at], the derivative by the embedding's output.
  void EmbedBackward(absl::Span<const int32_t> tokens, const MicroBatchKey& key,
                     int at, float* gradient) {
    const auto rows = static_cast<int64_t>(tokens.size());
    const Matrix dx = buffers_.dstream[at].Rows(0, rows);
    const Dropout embedding_dropout = DropoutOf(spec_, &key, 0);
    if (embedding_dropout.rate > 0) {
      backend_->ForEachPanel(
          rows, [&](Lane& lane, int64_t first, int64_t count) {
            Dropout dropout = embedding_dropout;
            dropout.first_row = first;
            lane.Drop(dropout, dx.Rows(first, count), dx.Rows(first, count));
          });
    }
    float* dtokens = gradient + tensors_.token_embedding;
    if (spec_.untied_head()) Clear(dtokens, shape_.vocabulary * shape_.width);
    const Matrix dweight(dtokens, shape_.vocabulary, shape_.width);
    const int64_t size =
        backend_->takes_whole_batches() ? shape_.width : kColumns;
    const int64_t slices = (shape_.width + size - 1) / size;
    const bool learned = tensors_.position_embedding >= 0;
    backend_->ForEach(
        learned ? 2 * slices : slices, [&](Lane& lane, int64_t task) {
          const int64_t first = task % slices * size;
          const int64_t count = std::min(size, shape_.width - first);
          if (task < slices) {
            lane.EmbedBackward(tokens, dx.Columns(first, count),
                               dweight.Columns(first, count));
            return;
          }
          const Matrix dpositions(gradient + tensors_.position_embedding,
                                  shape_.context, shape_.width);
          lane.PositionsBackward(dx.Columns(first, count), shape_.context, 0,
                                 dpositions.Columns(first, count));
        });
  }

  // A layer's part of the parameter vector.
  struct LayerRange {
    int64_t offset = 0;
    int64_t elements = 0;
  };

  const GptSpec spec_;
  const GptShape shape_;
  const GptTensors tensors_;
  const int64_t max_batch_;
  const std::unique_ptr<Backend> backend_;
  const int64_t available_;  // bytes of memory, before anything was taken
  Arena arena_;
  const GptBuffers buffers_;
  const Mirror<float> parameters_;
  const Mirror<float> gradient_;
  const Mirror<int32_t> tokens_;
  const Mirror<int32_t> labels_;
  // Where lanes do not work on the host's memory: the losses that it has got.
  std::vector<float> losses_;
  std::shared_ptr<void> pinned_losses_;
  std::vector<LayerRange> layers_;
  LayerVersions versions_;  // in parameters_ and operands_
  std::vector<GptBlock> blocks_;
  const GptHead head_;
  Matrix operands_;  // the parameters as operands, if not float32
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeGpt(
    const ModelSpec& spec, int64_t max_batch,
    std::unique_ptr<Backend> backend) {
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(spec));
  const GptShape shape(spec.gpt());
  RETURN_IF_ERROR(backend->Supports(shape.element));
  if (shape.head_width > backend->max_head_width()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "model.gpt has heads of width ", shape.head_width,
        ", and this worker's device computes attention for heads of up to ",
        backend->max_head_width(), "; use more heads, or workers on CPUs"));
  }
  auto model =
      std::make_unique<Gpt>(spec.gpt(), layout, max_batch, std::move(backend));
  RETURN_IF_ERROR(model->MemoryStatus());
  return model;
}

}  // namespace hawser
