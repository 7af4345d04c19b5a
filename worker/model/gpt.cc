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
#include "worker/model/arena.h"
#include "worker/model/gpt_block.h"
#include "worker/model/gpt_buffers.h"
#include "worker/model/gpt_head.h"
#include "worker/model/gpt_parameters.h"
#include "worker/model/gpt_tensors.h"

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
        arena_(Arena::Purpose::kUse),
        buffers_(spec_, max_batch * shape_.context, backend_->panel_rows(),
                 &arena_),
        head_(spec_, tensors_, backend_.get()) {
    for (int64_t k = 0; k < shape_.layers; ++k) {
      blocks_.emplace_back(spec_, tensors_.blocks[static_cast<size_t>(k)], k,
                           backend_.get());
    }
    for (const LayerShape& layer : layout.layers) {
      layers_.push_back({static_cast<int64_t>(layer.offset()),
                         static_cast<int64_t>(layer.elements())});
    }
    if (shape_.element != Element::kFloat32) {
      operands_ = arena_.TakeMatrix(1, tensors_.parameters, shape_.element);
    }
  }

  int64_t parameters() const override { return tensors_.parameters; }

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

  SampleSums Gradient(const float* theta, const Batch& batch,
                      const MicroBatchKey& key, float scale, float* gradient,
                      LayerObserver* observer) override {
    CHECK_LE(batch.samples, max_batch_);
    const auto layers = static_cast<int>(shape_.layers);
    if (batch.samples == 0) {
      for (int layer = 0; layer <= layers + 1; ++layer) {
        if (!observer->AwaitParameters(layer)) return {};
      }
      Clear(gradient, tensors_.parameters);
      for (int layer = layers + 1; layer >= 0; --layer) {
        observer->GradientDone(layer);
      }
      return SampleSums();
    }
    const GptParameters parameters = ParametersAt(theta);
    const absl::Span<const int32_t> tokens(batch.tokens);
    const int64_t rows = batch.samples * shape_.context;
    if (!Forward(parameters, tokens, &key, observer)) return {};
    WeightGradients gradients(gradient);
    int at = 0;
    head_.Backward(parameters, batch.labels,
                   scale / static_cast<float>(shape_.context), at, buffers_,
                   &gradients);
    observer->GradientDone(layers + 1);
    for (int k = layers - 1; k >= 0; --k) {
      const GptBlock& block = blocks_[static_cast<size_t>(k)];
      if (spec_.recompute_activations()) {
        block.Forward(parameters, &key, rows, buffers_);
      }
      block.Backward(parameters, &key, rows, at, buffers_, &gradients);
      at = (at + 2) % 3;
      observer->GradientDone(k + 1);
    }
    EmbedBackward(tokens, key, at, gradient);
    observer->GradientDone(0);
    return SumsOf(buffers_.losses, batch.samples, shape_.context);
  }

  SampleSums Evaluate(const float* theta, const Batch& batch) override {
    const GptParameters parameters = ParametersAt(theta);
    NoObserver observer;
    SampleSums sums;
    for (int64_t s = 0; s < batch.samples; s += max_batch_) {
      const int64_t count = std::min(max_batch_, batch.samples - s);
      const auto piece = [&](const std::vector<int32_t>& of) {
        return absl::MakeConstSpan(of).subspan(
            static_cast<size_t>(s * shape_.context),
            static_cast<size_t>(count * shape_.context));
      };
      CHECK(Forward(parameters, piece(batch.tokens), nullptr, &observer));
      head_.Forward(parameters, piece(batch.labels), buffers_);
      sums += SumsOf(buffers_.losses, count, shape_.context);
    }
    return sums;
  }

 private:
  GptParameters ParametersAt(const float* theta) const {
    if (shape_.element == Element::kFloat32) {
      return {theta, theta, Element::kFloat32};
    }
    return {theta, operands_.data(), shape_.element};
  }

  // Waits for a layer's parameters and makes operands of them. False: see
  // LayerObserver.
  bool TakeLayer(const GptParameters& parameters, int layer,
                 LayerObserver* observer) {
    if (!observer->AwaitParameters(layer)) return false;
    if (shape_.element == Element::kFloat32) return true;
    const LayerRange& range = layers_[static_cast<size_t>(layer)];
    ForEachPiece(range.elements, [&](Lane& lane, int64_t piece, int64_t count) {
      const int64_t first = range.offset + piece;
      lane.Convert(ConstMatrix(parameters.theta + first, 1, count),
                   operands_.Columns(first, count));
    });
    return true;
  }

  template <typename Work>
  void ForEachPiece(int64_t n, Work work) {
    backend_->ForEach((n + kPiece - 1) / kPiece, [&](Lane& lane, int64_t i) {
      work(lane, i * kPiece, std::min(kPiece, n - i * kPiece));
    });
  }

  void Clear(float* x, int64_t n) {
    ForEachPiece(n, [&](Lane&, int64_t first, int64_t count) {
      std::fill_n(x + first, count, 0.0f);
    });
  }

  // key: null when dropout is off. False: see LayerObserver.
  bool Forward(const GptParameters& parameters,
               absl::Span<const int32_t> tokens, const MicroBatchKey* key,
               LayerObserver* observer) {
    if (!TakeLayer(parameters, 0, observer)) return false;
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
    int layer = 0;
    for (const GptBlock& block : blocks_) {
      if (!TakeLayer(parameters, ++layer, observer)) return false;
      block.Forward(parameters, key, rows, buffers_);
    }
    return TakeLayer(parameters, ++layer, observer);
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
    const int64_t slices = (shape_.width + kColumns - 1) / kColumns;
    const bool learned = tensors_.position_embedding >= 0;
    backend_->ForEach(
        learned ? 2 * slices : slices, [&](Lane& lane, int64_t task) {
          const int64_t first = task % slices * kColumns;
          const int64_t count = std::min(kColumns, shape_.width - first);
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
  Arena arena_;
  const GptBuffers buffers_;
  std::vector<LayerRange> layers_;
  std::vector<GptBlock> blocks_;
  const GptHead head_;
  Matrix operands_;  // the parameters as operands, if not float32
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeGpt(const ModelSpec& spec,
                                               int64_t max_batch,
                                               ThreadPool* pool) {
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(spec));
  std::unique_ptr<Backend> backend = MakeCpuBackend(pool);
  RETURN_IF_ERROR(backend->Supports(GptShape(spec.gpt()).element));
  return std::make_unique<Gpt>(spec.gpt(), layout, max_batch,
                               std::move(backend));
}

int64_t GptBytes(const ModelSpec& spec, int64_t max_batch, int threads) {
  const auto layout = LayoutOf(spec);
  if (!layout.ok()) return 0;
  const GptSpec& gpt = spec.gpt();
  const GptShape shape(gpt);
  Arena arena(Arena::Purpose::kCount);
  const GptBuffers buffers(gpt, max_batch * shape.context, kCpuPanelRows,
                           &arena);
  if (shape.element != Element::kFloat32) {
    arena.TakeMatrix(1, static_cast<int64_t>(layout->parameters),
                     shape.element);
  }
  // Each lane's working memory: a panel of the widest product, and the
  // gradients of one head's keys and values.
  const int64_t panel = std::min(kCpuPanelRows, max_batch * shape.context) *
                        std::max(shape.width, shape.inner);
  const int64_t heads = 2 * shape.context * shape.head_width;
  return arena.bytes() + 4 * (panel + heads) * threads;
}

}  // namespace hawser
