#include "worker/model/gpt_block.h"

namespace hawser {
namespace {

// Slots of a lane's working memory.
constexpr int kProductSlot = 0;

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

Attention GptBlock::AttentionOf(const MicroBatchKey* key, int64_t sample,
                                int64_t group) const {
  Attention attention;
  attention.head_width = shape_.head_width;
  attention.scale = shape_.attention_scale();
  attention.dropout = DropoutOf(spec_, key, 3 * number_ + 1);
  attention.dropout.first_row =
      (sample * shape_.heads + group * shape_.group()) * shape_.context;
  return attention;
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
  if (TransposingPays(shape_, rows)) {
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

// The parts of a matrix [R, Q] that a group of heads reads of one sample.
struct GroupOfHeads {
  GroupOfHeads(const GptShape& shape, Matrix qkv, int64_t sample,
               int64_t group) {
    const Matrix rows = qkv.Rows(sample * shape.context, shape.context);
    const int64_t width = shape.head_width;
    q = rows.Columns(group * shape.group() * width, shape.group() * width);
    k = rows.Columns((shape.heads + group) * width, width);
    v = rows.Columns((shape.heads + shape.key_value_heads + group) * width,
                     width);
  }
  Matrix q, k, v;
};

void GptBlock::Attend(const MicroBatchKey* key, int64_t rows,
                      const GptBuffers& buffers) const {
  const BlockActivations& block = buffers.block(number_);
  const int64_t groups = shape_.key_value_heads;
  const int64_t width = shape_.group() * shape_.head_width;
  backend_->ForEach(
      rows / shape_.context * groups, [&](Lane& lane, int64_t task) {
        const int64_t sample = task / groups;
        const int64_t group = task % groups;
        const Attention attention = AttentionOf(key, sample, group);
        const GroupOfHeads heads(shape_, block.qkv, sample, group);
        lane.AttentionForward(
            attention, heads.q, heads.k, heads.v,
            block.attended.Rows(sample * shape_.context, shape_.context)
                .Columns(group * width, width),
            block.log_sums + (sample * shape_.heads + group * shape_.group()) *
                                 shape_.context);
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
  gradients->Run(backend_);
}

void GptBlock::FeedForwardHalfBack(const GptParameters& parameters,
                                   const MicroBatchKey* key, int64_t rows,
                                   int from, const GptBuffers& buffers) const {
  const BlockActivations& block = buffers.block(number_);
  const Matrix& dnext = buffers.dstream[from];
  const Matrix& dmiddle = buffers.dstream[(from + 1) % 3];
  const Dropout output_dropout = DropoutOf(spec_, key, 3 * number_ + 3);
  const Dropout attention_dropout = DropoutOf(spec_, key, 3 * number_ + 2);
  const int64_t most =
      shape_.width > shape_.inner ? shape_.width : shape_.inner;
  backend_->ForEachPanel(rows, [&](Lane& lane, int64_t first, int64_t count) {
    float* scratch = lane.Scratch(kProductSlot, count * most);
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
  const int64_t groups = shape_.key_value_heads;
  const int64_t width = shape_.group() * shape_.head_width;
  backend_->ForEach(
      rows / shape_.context * groups, [&](Lane& lane, int64_t task) {
        const int64_t sample = task / groups;
        const int64_t group = task % groups;
        const GroupOfHeads heads(shape_, block.qkv, sample, group);
        const GroupOfHeads dheads(shape_, buffers.dqkv, sample, group);
        const auto of_group = [&](const Matrix& x) {
          return x.Rows(sample * shape_.context, shape_.context)
              .Columns(group * width, width);
        };
        lane.AttentionBackward(
            AttentionOf(key, sample, group), heads.q, heads.k, heads.v,
            of_group(block.attended),
            block.log_sums + (sample * shape_.heads + group * shape_.group()) *
                                 shape_.context,
            of_group(buffers.dattended), dheads.q, dheads.k, dheads.v);
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
