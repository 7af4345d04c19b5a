#include "worker/model/gpt_parameters.h"

#include <algorithm>

namespace hawser {
namespace {

// Outputs of a slice: enough for a fast product, few enough for small models
// to have one for each of some threads.
int64_t SliceSize(int64_t outputs) { return outputs > 512 ? 128 : 64; }

}  // namespace

void WeightGradients::Add(const LinearTensors& linear, ConstMatrix dy,
                          ConstMatrix x, bool accumulate) {
  const Matrix dweight(gradient_ + linear.weight, linear.outputs,
                       linear.inputs);
  const int64_t size = backend_->takes_whole_batches()
                           ? linear.outputs
                           : SliceSize(linear.outputs);
  for (int64_t first = 0; first < linear.outputs; first += size) {
    const int64_t count = std::min(size, linear.outputs - first);
    slices_.push_back(
        {dy.Columns(first, count), x, dweight.Rows(first, count),
         linear.bias < 0 ? nullptr : gradient_ + linear.bias + first,
         accumulate});
  }
}

void WeightGradients::Add(const NormTensors& norm, ConstMatrix sums) {
  const int64_t width = sums.columns() / 2;
  slices_.push_back({sums.Columns(0, width), ConstMatrix(), Matrix(),
                     gradient_ + norm.weight, false});
  if (norm.bias < 0) return;
  slices_.push_back({sums.Columns(width, width), ConstMatrix(), Matrix(),
                     gradient_ + norm.bias, false});
}

void WeightGradients::Run() {
  backend_->ForEach(
      static_cast<int64_t>(slices_.size()), [&](Lane& lane, int64_t i) {
        const Slice& slice = slices_[static_cast<size_t>(i)];
        if (slice.dweight.rows() != 0) {
          lane.Multiply({.transpose_a = true, .accumulate = slice.accumulate},
                        slice.dy, slice.x, slice.dweight);
        }
        if (slice.sums != nullptr) lane.SumRows(slice.dy, slice.sums);
      });
  slices_.clear();
}

}  // namespace hawser
