#include "worker/model/gpt_head.h"

#include <algorithm>

namespace hawser {

Norm GptHead::FinalNorm(const GptParameters& parameters) const {
  return {spec_.normalisation(),
          static_cast<float>(spec_.normalisation_epsilon()),
          parameters.NormWeight(tensors_.final_norm),
          parameters.NormBias(tensors_.final_norm)};
}

void GptHead::ComputeLogits(const GptParameters& parameters, int64_t first,
                            int64_t count, const GptBuffers& buffers,
                            Matrix logits, Lane* lane) const {
  const Matrix input = buffers.head_input.Rows(first, count);
  lane->NormForward(FinalNorm(parameters),
                    buffers.stream.back().Rows(first, count), input,
                    buffers.head_statistics + 2 * first);
  lane->Multiply(
      {.transpose_b = true}, input,
      parameters.Operand(tensors_.head, shape_.vocabulary, shape_.width),
      logits);
}

void GptHead::Forward(const GptParameters& parameters,
                      absl::Span<const int32_t> labels,
                      const GptBuffers& buffers) const {
  const auto rows = static_cast<int64_t>(labels.size());
  const int64_t chunk = buffers.logits.rows();
  for (int64_t start = 0; start < rows; start += chunk) {
    backend_->ForEachPanel(std::min(chunk, rows - start), [&](Lane& lane,
                                                              int64_t first,
                                                              int64_t count) {
      const Matrix logits = buffers.logits.Rows(first, count);
      ComputeLogits(parameters, start + first, count, buffers, logits, &lane);
      lane.CrossEntropyForward(
          labels.subspan(static_cast<size_t>(start + first),
                         static_cast<size_t>(count)),
          logits, buffers.losses + start + first);
    });
  }
}

void GptHead::Backward(const GptParameters& parameters,
                       absl::Span<const int32_t> labels, float scale, int to,
                       const GptBuffers& buffers,
                       WeightGradients* gradients) const {
  const auto rows = static_cast<int64_t>(labels.size());
  const int64_t chunk = buffers.logits.rows();
  const int64_t panel = backend_->panel_rows();
  const ConstMatrix weight =
      parameters.Operand(tensors_.head, shape_.vocabulary, shape_.width);
  for (int64_t start = 0; start < rows; start += chunk) {
    const int64_t chunk_rows = std::min(chunk, rows - start);
    backend_->ForEachPanel(chunk_rows, [&](Lane& lane, int64_t in_chunk,
                                           int64_t count) {
      const int64_t first = start + in_chunk;
      const Matrix logits = buffers.logits.Rows(in_chunk, count);
      const Matrix dlogits = buffers.dlogits.Rows(in_chunk, count);
      const Matrix dinput(lane.Scratch(kProductSlot, count * shape_.width),
                          count, shape_.width);
      ComputeLogits(parameters, first, count, buffers, logits, &lane);
      lane.CrossEntropyBackward(labels.subspan(static_cast<size_t>(first),
                                               static_cast<size_t>(count)),
                                logits, scale, buffers.losses + first, dlogits);
      lane.Multiply({}, dlogits, weight, dinput);
      auto* sums = buffers.dfinal_norm.Row<float>(first / panel);
      const Matrix dstream = buffers.dstream[to].Rows(first, count);
      lane.Fill(0, dstream);
      lane.NormBackward(FinalNorm(parameters),
                        buffers.stream.back().Rows(first, count),
                        buffers.head_statistics + 2 * first, dinput, dstream,
                        dstream, sums, sums + shape_.width);
    });
    const LinearTensors head{shape_.vocabulary, shape_.width, tensors_.head,
                             -1};
    gradients->Add(head, buffers.dlogits.Rows(0, chunk_rows),
                   buffers.head_input.Rows(start, chunk_rows), start != 0);
    gradients->Run();
  }
  gradients->Add(
      tensors_.final_norm,
      ConstMatrix(buffers.dfinal_norm).Rows(0, (rows + panel - 1) / panel));
  gradients->Run();
}

}  // namespace hawser
