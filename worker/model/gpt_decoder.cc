#include "worker/model/gpt_decoder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "worker/backend/cpu/cpu_backend.h"

namespace hawser {
namespace {

// Most tokens read at once: enough for fast products, few enough that buffers
// stay small.
constexpr int64_t kMostRows = 512;

// Elements of a weight that are worth a task of their own, and how many tasks
// are enough.
constexpr int64_t kSliceElements = 1 << 16;
constexpr int64_t kMostSlices = 64;
constexpr int64_t kSliceMultiple = 32;

// Elements that a task converts.
constexpr int64_t kPiece = 1 << 16;

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t SliceSize(int64_t outputs, int64_t inputs) {
  const int64_t least = std::max(DivideUp(kSliceElements, inputs),
                                 DivideUp(outputs, kMostSlices));
  return DivideUp(least, kSliceMultiple) * kSliceMultiple;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GptDecoder>> GptDecoder::Make(
    const GptSpec& spec, std::vector<float> parameters, ThreadPool* pool) {
  ModelSpec model;
  *model.mutable_gpt() = spec;
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(model));
  if (parameters.size() != layout.parameters) {
    return absl::InvalidArgumentError(absl::StrCat(
        "there are ", parameters.size(),
        " parameters; a model of this shape has ", layout.parameters));
  }
  std::unique_ptr<Backend> backend = MakeCpuBackend(pool);
  const GptShape shape(spec);
  RETURN_IF_ERROR(backend->Supports(shape.element));
  ASSIGN_OR_RETURN(KeyValueCache cache, KeyValueCache::Make(shape));
  return std::unique_ptr<GptDecoder>(
      new GptDecoder(spec, layout, std::move(parameters), std::move(cache),
                     std::move(backend)));
}

GptDecoder::GptDecoder(const GptSpec& spec, const ModelLayout& layout,
                       std::vector<float> parameters, KeyValueCache cache,
                       std::unique_ptr<Backend> backend)
    : spec_(spec),
      shape_(spec_),
      tensors_(spec_, layout),
      theta_(std::move(parameters)),
      cache_(std::move(cache)),
      backend_(std::move(backend)),
      arena_(backend_.get()) {
  const int64_t rows = std::min(kMostRows, shape_.context);
  const Element element = shape_.element;
  stream_ = arena_.TakeMatrix(rows, shape_.width, Element::kFloat32);
  product_ = arena_.TakeMatrix(rows, shape_.width, Element::kFloat32);
  statistics_ = static_cast<float*>(arena_.Take(4 * 2 * rows));
  input_ = arena_.TakeMatrix(rows, shape_.width, element);
  qkv_ = arena_.TakeMatrix(rows, shape_.qkv, element);
  attended_ = arena_.TakeMatrix(rows, shape_.width, element);
  up_ = arena_.TakeMatrix(rows, shape_.up, element);
  activated_ = arena_.TakeMatrix(rows, shape_.inner, element);
  logits_ = arena_.TakeMatrix(1, shape_.vocabulary, Element::kFloat32);
  CHECK(arena_.status().ok()) << arena_.status();
  PrepareOperands();
}

void GptDecoder::PrepareOperands() {
  parameters_ = {theta_.data(), theta_.data(), Element::kFloat32};
  if (shape_.element == Element::kFloat32) return;
  const int64_t n = tensors_.parameters;
  const Matrix operands = arena_.TakeMatrix(1, n, shape_.element);
  CHECK(arena_.status().ok()) << arena_.status();
  backend_->ForEach(DivideUp(n, kPiece), [&](Lane& lane, int64_t piece) {
    const int64_t first = piece * kPiece;
    const int64_t count = std::min(kPiece, n - first);
    lane.Convert(ConstMatrix(theta_.data() + first, 1, count),
                 operands.Columns(first, count));
  });
  parameters_ = {theta_.data(), operands.data(), shape_.element};
}

absl::Span<const float> GptDecoder::Append(absl::Span<const int32_t> tokens) {
  CHECK(!tokens.empty());
  for (const int32_t token : tokens) {
    CHECK_GE(token, 0);
    CHECK_LT(token, shape_.vocabulary);
  }
  text_.insert(text_.end(), tokens.begin(), tokens.end());
  const int64_t context = shape_.context;
  const auto size = static_cast<int64_t>(text_.size());
  if (size > context) {
    const int64_t half = context - context / 2;
    const int64_t drop = DivideUp(size - context, half) * half;
    text_.erase(text_.begin(), text_.begin() + drop);
    cached_ = 0;
  }
  int64_t rows = 0;
  while (cached_ < static_cast<int64_t>(text_.size())) {
    const absl::Span<const int32_t> piece = absl::MakeConstSpan(text_).subspan(
        static_cast<size_t>(cached_), static_cast<size_t>(stream_.rows()));
    rows = static_cast<int64_t>(piece.size());
    Read(piece, cached_);
    cached_ += rows;
  }
  ComputeLogits(rows - 1);
  return {logits_.Row<float>(0), static_cast<size_t>(shape_.vocabulary)};
}

void GptDecoder::Read(absl::Span<const int32_t> tokens, int64_t position) {
  const auto rows = static_cast<int64_t>(tokens.size());
  Embed(tokens, position);
  for (int64_t block = 0; block < shape_.layers; ++block) {
    Attend(block, position, rows);
    FeedForwardHalf(block, rows);
  }
}

void GptDecoder::Embed(absl::Span<const int32_t> tokens, int64_t position) {
  const ConstMatrix weight(theta_.data() + tensors_.token_embedding,
                           shape_.vocabulary, shape_.width);
  const ConstMatrix positions =
      tensors_.position_embedding < 0
          ? ConstMatrix()
          : ConstMatrix(theta_.data() + tensors_.position_embedding,
                        shape_.context, shape_.width);
  backend_->ForEachPanel(static_cast<int64_t>(tokens.size()),
                         [&](Lane& lane, int64_t first, int64_t count) {
                           lane.EmbedForward(
                               tokens.subspan(static_cast<size_t>(first),
                                              static_cast<size_t>(count)),
                               weight, positions, position + first,
                               stream_.Rows(first, count));
                         });
}

void GptDecoder::Attend(int64_t block, int64_t position, int64_t rows) {
  const BlockTensors& tensors = tensors_.blocks[static_cast<size_t>(block)];
  const int64_t width = shape_.head_width;
  const int64_t groups = shape_.key_value_heads;
  const int64_t query_width = shape_.group() * width;
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    lane.NormForward(NormOf(tensors.attention_norm), stream_.Rows(first, count),
                     input_.Rows(first, count), statistics_ + 2 * first);
  });
  Multiply(input_.Rows(0, rows), parameters_.Weight(tensors.qkv),
           parameters_.Bias(tensors.qkv), qkv_.Rows(0, rows));
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    const Matrix qkv = qkv_.Rows(first, count);
    if (spec_.positions() == ROTARY) {
      lane.Rotate(width, spec_.rotary_base(), shape_.context, position + first,
                  /*backward=*/false,
                  qkv.Columns(0, (shape_.heads + groups) * width));
    }
    for (int64_t group = 0; group < groups; ++group) {
      lane.Convert(qkv.Columns((shape_.heads + group) * width, width),
                   cache_.Keys(block, group).Rows(position + first, count));
      lane.Convert(qkv.Columns((shape_.heads + groups + group) * width, width),
                   cache_.Values(block, group).Rows(position + first, count));
    }
  });
  const int64_t panel = backend_->panel_rows();
  backend_->ForEach(
      DivideUp(rows, panel) * groups, [&](Lane& lane, int64_t task) {
        const int64_t group = task % groups;
        const int64_t first = task / groups * panel;
        const int64_t count = std::min(panel, rows - first);
        const auto heads = [&](const Matrix& x) {
          return x.Rows(first, count).Columns(group * query_width, query_width);
        };
        Attention attention;
        attention.head_width = width;
        attention.scale = shape_.attention_scale();
        attention.first_position = position + first;
        lane.AttentionForward(attention, heads(qkv_), cache_.Keys(block, group),
                              cache_.Values(block, group), heads(attended_),
                              lane.Scratch(0, shape_.group() * count));
      });
  Multiply(attended_.Rows(0, rows),
           parameters_.Weight(tensors.attention_output),
           parameters_.Bias(tensors.attention_output), product_.Rows(0, rows));
}

// From what attention adds to the stream on.
void GptDecoder::FeedForwardHalf(int64_t block, int64_t rows) {
  const BlockTensors& tensors = tensors_.blocks[static_cast<size_t>(block)];
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    const Matrix stream = stream_.Rows(first, count);
    lane.AddDropped({}, stream, product_.Rows(first, count), stream);
    lane.NormForward(NormOf(tensors.feed_forward_norm), stream,
                     input_.Rows(first, count), statistics_ + 2 * first);
  });
  Multiply(input_.Rows(0, rows), parameters_.Weight(tensors.up),
           parameters_.Bias(tensors.up), up_.Rows(0, rows));
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    lane.FeedForwardForward(spec_.feed_forward(), up_.Rows(first, count),
                            activated_.Rows(first, count));
  });
  Multiply(activated_.Rows(0, rows), parameters_.Weight(tensors.down),
           parameters_.Bias(tensors.down), product_.Rows(0, rows));
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    const Matrix stream = stream_.Rows(first, count);
    lane.AddDropped({}, stream, product_.Rows(first, count), stream);
  });
}

void GptDecoder::ComputeLogits(int64_t row) {
  backend_->ForEach(1, [&](Lane& lane, int64_t) {
    lane.NormForward(NormOf(tensors_.final_norm), stream_.Rows(row, 1),
                     input_.Rows(0, 1), statistics_);
  });
  Multiply(input_.Rows(0, 1),
           parameters_.Operand(tensors_.head, shape_.vocabulary, shape_.width),
           nullptr, logits_);
}

void GptDecoder::Multiply(ConstMatrix x, ConstMatrix weight, const float* bias,
                          Matrix y) {
  const int64_t slice = SliceSize(weight.rows(), weight.columns());
  const int64_t slices = DivideUp(weight.rows(), slice);
  const int64_t panel = backend_->panel_rows();
  backend_->ForEach(
      DivideUp(x.rows(), panel) * slices, [&](Lane& lane, int64_t task) {
        const int64_t row = task / slices * panel;
        const int64_t rows = std::min(panel, x.rows() - row);
        const int64_t first = task % slices * slice;
        const int64_t count = std::min(slice, weight.rows() - first);
        lane.Multiply({.transpose_b = true,
                       .bias = bias == nullptr ? nullptr : bias + first},
                      x.Rows(row, rows), weight.Rows(first, count),
                      y.Rows(row, rows).Columns(first, count));
      });
}

Norm GptDecoder::NormOf(const NormTensors& tensors) const {
  return {spec_.normalisation(),
          static_cast<float>(spec_.normalisation_epsilon()),
          parameters_.NormWeight(tensors), parameters_.NormBias(tensors)};
}

}  // namespace hawser
