#include "worker/model/gpt_block.h"

namespace hawser {
namespace {

// The operand that stands for a derivative of the stream: a copy, if there is
// one, or the derivative itself.
ConstMatrix OperandOf(const Matrix& copy, const Matrix& derivative) {
  return copy.rows() != 0 ? copy : derivative;
}

// y = x w^T + bias, by the transposed weight if there is one.
void Project(const GptParameters& parameters, const LinearTensors& linear,
             const Matrix& transposed, ConstMatrix x, Matrix y, Lane* lane) {
  const float* bias = parameters.Bias(linear);
  if (transposed.rows() != 0) {
    lane->Multiply({.bias = bias}, x, transposed, y);
  } else {
    lane->Multiply({.transpose_b = true, .bias = bias}, x,
                   parameters.Weight(linear), y);
  }
}

}  // namespace

Dropout DropoutOf(const GptSpec& spec, const MicroBatchKey* key,
                  int64_t matrix) {
  if (key == nullptr || spec.dropout() == 0) return Dropout();
  return {static_cast<float>(spec.dropout()),
          CounterRandom(key->seed, RandomPurpose::kDropout, key->step,
                        key->micro_batch, static_cast<uint64_t>(matrix)),
          0};
}

Norm GptBlock::NormOf(const GptParameters& parameters,
                      const NormTensors& tensors) const {
  return {spec_.normalisation(),
          static_cast<float>(spec_.normalisation_epsilon()),
          parameters.NormWeight(tensors), parameters.NormBias(tensors)};
}

void GptBlock::Rotate(bool backward, int64_t first_row, Matrix qkv,
                      Lane* lane) const {
  if (spec_.positions() != ROTARY) return;
  lane->Rotate(shape_.head_width, spec_.rotary_base(), shape_.context,
               first_row % shape_.context, backward,
               qkv.Columns(0, (shape_.heads + shape_.key_value_heads) *
                                  shape_.head_width));
}

void GptBlock::Forward(const GptParameters& parameters,
                       const MicroBatchKey* key, int64_t rows,
                       const GptBuffers& buffers) const {
  TransposedWeights transposed;
  if (buffers.transposed.qkv.rows() != 0 && TransposingPays(shape_, rows)) {
    transposed = buffers.transposed;
    transposed.Fill(parameters, tensors_, backend_);
  }
  ProjectToQueries(parameters, transposed, rows, buffers);
  Attend(key, rows, buffers);
  FeedForwardHalf(parameters, transposed, key, rows, buffers);
}

void GptBlock::ProjectToQueries(const GptParameters& parameters,
                                const TransposedWeights& transposed,
                                int64_t rows, const GptBuffers& buffers) const {
  const Matrix& x = buffers.stream[static_cast<size_t>(number_)];
  const BlockActivations& block = buffers.block(number_);
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    const Matrix input = block.attention_input.Rows(first, count);
    const Matrix qkv = block.qkv.Rows(first, count);
    lane.NormForward(NormOf(parameters, tensors_.attention_norm),
                     x.Rows(first, count), input,
                     block.attention_statistics + 2 * first);
    Project(parameters, tensors_.qkv, transposed.qkv, input, qkv, &lane);
    Rotate(/*backward=*/false, first, qkv, &lane);
  });
}

// What one task of attention is of: some samples, and of each some groups of
// heads.
struct GptBlock::Heads {
  int64_t sample, samples, group, groups;
};

// Either all of them at once, or one for each.
void GptBlock::ForEachHeads(
    int64_t rows, absl::FunctionRef<void(Lane&, const Heads&)> work) const {
  const int64_t samples = rows / shape_.context;
  const int64_t groups = shape_.key_value_heads;
  if (backend_->takes_whole_batches()) {
    backend_->ForEach(1, [&](Lane& lane, int64_t) {
      work(lane, {0, samples, 0, groups});
    });
    return;
  }
  backend_->ForEach(samples * groups, [&](Lane& lane, int64_t task) {
    work(lane, {task / groups, 1, task % groups, 1});
  });
}

Attention GptBlock::AttentionOf(const MicroBatchKey* key,
                                const Heads& heads) const {
  Attention attention;
  attention.samples = heads.samples;
  attention.groups = heads.groups;
  attention.head_width = shape_.head_width;
  attention.scale = shape_.attention_scale();
  attention.dropout = DropoutOf(spec_, key, 3 * number_ + 1);
  attention.dropout.first_row = FirstOf(heads);
  return attention;
}

// The number of their first query, of all heads' of all samples.
int64_t GptBlock::FirstOf(const Heads& heads) const {
  return (heads.sample * shape_.heads + heads.group * shape_.group()) *
         shape_.context;
}

// Their rows, and their columns if each group has so many from there on.
Matrix GptBlock::PartOf(const Heads& heads, const Matrix& x, int64_t first,
                        int64_t columns) const {
  return x.Rows(heads.sample * shape_.context, heads.samples * shape_.context)
      .Columns(first + heads.group * columns, heads.groups * columns);
}

// The parts of a matrix [R, Q].
struct GptBlock::QueriesKeysValues {
  QueriesKeysValues(const GptBlock& block, const Heads& heads,
                    const Matrix& qkv) {
    const GptShape& shape = block.shape_;
    const int64_t width = shape.head_width;
    const int64_t keys = shape.heads * width;
    q = block.PartOf(heads, qkv, 0, shape.group() * width);
    k = block.PartOf(heads, qkv, keys, width);
    v = block.PartOf(heads, qkv, keys + shape.key_value_heads * width, width);
  }
  Matrix q, k, v;
};

void GptBlock::Attend(const MicroBatchKey* key, int64_t rows,
                      const GptBuffers& buffers) const {
  const BlockActivations& block = buffers.block(number_);
  const int64_t width = shape_.group() * shape_.head_width;
  ForEachHeads(rows, [&](Lane& lane, const Heads& heads) {
    const QueriesKeysValues of(*this, heads, block.qkv);
    lane.AttentionForward(AttentionOf(key, heads), of.q, of.k, of.v,
                          PartOf(heads, block.attended, 0, width),
                          block.log_sums + FirstOf(heads));
  });
}

void GptBlock::FeedForwardHalf(const GptParameters& parameters,
                               const TransposedWeights& transposed,
                               const MicroBatchKey* key, int64_t rows,
                               const GptBuffers& buffers) const {
  const Matrix& x = buffers.stream[static_cast<size_t>(number_)];
  const Matrix& next = buffers.stream[static_cast<size_t>(number_) + 1];
  const BlockActivations& block = buffers.block(number_);
  Dropout attention_dropout = DropoutOf(spec_, key, 3 * number_ + 2);
  Dropout output_dropout = DropoutOf(spec_, key, 3 * number_ + 3);
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    const Matrix product(lane.Scratch(kProductSlot, count * shape_.width),
                         count, shape_.width);
    const Matrix middle = block.middle.Rows(first, count);
    const Matrix input = block.feed_forward_input.Rows(first, count);
    const Matrix up = block.up.Rows(first, count);
    const Matrix activated = block.activated.Rows(first, count);
    Dropout dropout = attention_dropout;
    dropout.first_row = first;
    Project(parameters, tensors_.attention_output, transposed.attention_output,
            block.attended.Rows(first, count), product, &lane);
    lane.AddDropped(dropout, x.Rows(first, count), product, middle);
    lane.NormForward(NormOf(parameters, tensors_.feed_forward_norm), middle,
                     input, block.feed_forward_statistics + 2 * first);
    Project(parameters, tensors_.up, transposed.up, input, up, &lane);
    lane.FeedForwardForward(spec_.feed_forward(), up, activated);
    Project(parameters, tensors_.down, transposed.down, activated, product,
            &lane);
    dropout = output_dropout;
    dropout.first_row = first;
    lane.AddDropped(dropout, middle, product, next.Rows(first, count));
  });
}

void GptBlock::Backward(const GptParameters& parameters,
                        const MicroBatchKey* key, int64_t rows, int from,
                        const GptBuffers& buffers,
                        WeightGradients* gradients) const {
  const int middle = (from + 1) % 3;
  const int to = (from + 2) % 3;
  FeedForwardHalfBack(parameters, key, rows, from, buffers);
  AttendBack(key, rows, buffers);
  ProjectToQueriesBack(parameters, rows, middle, to, buffers);
  const BlockActivations& block = buffers.block(number_);
  const int64_t panel = backend_->panel_rows();
  const int64_t panels = (rows + panel - 1) / panel;
  const auto used = [&](ConstMatrix x) { return x.Rows(0, rows); };
  gradients->Add(
      tensors_.down,
      used(OperandOf(buffers.dfeed_forward_output, buffers.dstream[from])),
      used(block.activated));
  gradients->Add(tensors_.up, used(block.up), used(block.feed_forward_input));
  gradients->Add(
      tensors_.attention_output,
      used(OperandOf(buffers.dattention_output, buffers.dstream[middle])),
      used(block.attended));
  gradients->Add(tensors_.qkv, used(buffers.dqkv), used(block.attention_input));
  gradients->Add(tensors_.feed_forward_norm,
                 ConstMatrix(buffers.dfeed_forward_norm).Rows(0, panels));
  gradients->Add(tensors_.attention_norm,
                 ConstMatrix(buffers.dattention_norm).Rows(0, panels));
  gradients->Run();
}

void GptBlock::FeedForwardHalfBack(const GptParameters& parameters,
                                   const MicroBatchKey* key, int64_t rows,
                                   int from, const GptBuffers& buffers) const {
  const BlockActivations& block = buffers.block(number_);
  const Matrix& dnext = buffers.dstream[from];
  const Matrix& dmiddle = buffers.dstream[(from + 1) % 3];
  const Dropout output_dropout = DropoutOf(spec_, key, 3 * number_ + 3);
  const Dropout attention_dropout = DropoutOf(spec_, key, 3 * number_ + 2);
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    float* scratch = lane.Scratch(kProductSlot, ProductFloats(shape_, count));
    const Matrix dactivated(scratch, count, shape_.inner);
    const Matrix dinput(scratch, count, shape_.width);
    // The derivative of a product's output: dropped, and in the operands'
    // elements.
    const auto operand = [&](Dropout dropout, const Matrix& copy,
                             const Matrix& derivative) -> ConstMatrix {
      if (copy.rows() == 0) return derivative.Rows(first, count);
      dropout.first_row = first;
      lane.Drop(dropout, derivative.Rows(first, count),
                copy.Rows(first, count));
      return copy.Rows(first, count);
    };
    const Matrix dup = block.up.Rows(first, count);
    lane.Multiply({},
                  operand(output_dropout, buffers.dfeed_forward_output, dnext),
                  parameters.Weight(tensors_.down), dactivated);
    lane.FeedForwardBackward(dactivated, dup);
    lane.Multiply({}, dup, parameters.Weight(tensors_.up), dinput);
    auto* sums =
        buffers.dfeed_forward_norm.Row<float>(first / backend_->panel_rows());
    lane.NormBackward(NormOf(parameters, tensors_.feed_forward_norm),
                      block.middle.Rows(first, count),
                      block.feed_forward_statistics + 2 * first, dinput,
                      dnext.Rows(first, count), dmiddle.Rows(first, count),
                      sums, sums + shape_.width);
    lane.Multiply(
        {}, operand(attention_dropout, buffers.dattention_output, dmiddle),
        parameters.Weight(tensors_.attention_output),
        buffers.dattended.Rows(first, count));
  });
}

void GptBlock::AttendBack(const MicroBatchKey* key, int64_t rows,
                          const GptBuffers& buffers) const {
  const BlockActivations& block = buffers.block(number_);
  const int64_t width = shape_.group() * shape_.head_width;
  ForEachHeads(rows, [&](Lane& lane, const Heads& heads) {
    const QueriesKeysValues of(*this, heads, block.qkv);
    const QueriesKeysValues derivatives(*this, heads, buffers.dqkv);
    lane.AttentionBackward(AttentionOf(key, heads), of.q, of.k, of.v,
                           PartOf(heads, block.attended, 0, width),
                           block.log_sums + FirstOf(heads),
                           PartOf(heads, buffers.dattended, 0, width),
                           derivatives.q, derivatives.k, derivatives.v);
  });
}

void GptBlock::ProjectToQueriesBack(const GptParameters& parameters,
                                    int64_t rows, int middle, int to,
                                    const GptBuffers& buffers) const {
  const Matrix& x = buffers.stream[static_cast<size_t>(number_)];
  const BlockActivations& block = buffers.block(number_);
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    const Matrix dinput(lane.Scratch(kProductSlot, count * shape_.width), count,
                        shape_.width);
    const Matrix dqkv = buffers.dqkv.Rows(first, count);
    Rotate(/*backward=*/true, first, dqkv, &lane);
    lane.Multiply({}, dqkv, parameters.Weight(tensors_.qkv), dinput);
    auto* sums =
        buffers.dattention_norm.Row<float>(first / backend_->panel_rows());
    lane.NormBackward(
        NormOf(parameters, tensors_.attention_norm), x.Rows(first, count),
        block.attention_statistics + 2 * first, dinput,
        buffers.dstream[middle].Rows(first, count),
        buffers.dstream[to].Rows(first, count), sums, sums + shape_.width);
  });
}

}  // namespace hawser
