#include "worker/gradient_sum.h"

#include <utility>

#include "common/vector_ops.h"
#include "glog/logging.h"

namespace hawser {

GradientSum::GradientSum(uint32_t micro_batches, int64_t parameters,
                         const JobCodecs* codecs, SharedMemory* memory)
    : tree_(micro_batches),
      parameters_(parameters),
      codecs_(codecs),
      memory_(memory) {}

void GradientSum::Clear() {
  for (Partial& partial : stack_) free_.push_back(std::move(partial.gradient));
  stack_.clear();
}

float* GradientSum::Next() {
  if (next_ == nullptr) {
    if (free_.empty()) {
      const SharedMemory::Floats floats =
          memory_ == nullptr ? SharedMemory::Ordinary(parameters_)
                             : memory_->Allocate(parameters_);
      next_ = std::shared_ptr<float[]>(floats.owner, floats.data);
    } else {
      next_ = std::move(free_.back());
      free_.pop_back();
    }
  }
  return next_.get();
}

GradientSum::Completed GradientSum::CompletedBy(uint32_t micro_batch) const {
  Completed completed{tree_.Canonical({0, micro_batch}), stack_.size()};
  while (completed.others > 0 && completed.node != tree_.Root() &&
         (codecs_ == nullptr || !codecs_->ActsAt(completed.node)) &&
         stack_[completed.others - 1].node == tree_.Sibling(completed.node)) {
    completed.node = tree_.Parent(completed.node);
    --completed.others;
  }
  return completed;
}

TreeNode GradientSum::NodeCompletedBy(uint32_t micro_batch) const {
  return CompletedBy(micro_batch).node;
}

absl::Span<const GradientSum::Partial> GradientSum::PartialsBeside(
    uint32_t micro_batch) const {
  return absl::MakeConstSpan(stack_).first(CompletedBy(micro_batch).others);
}

void GradientSum::Add(uint32_t micro_batch, const SampleSums& sums) {
  AddRange(micro_batch, 0, parameters_);
  AddRanges(micro_batch, sums);
}

const float* GradientSum::AddRange(uint32_t micro_batch, int64_t first,
                                   int64_t count) {
  CHECK(next_ != nullptr) << "an addition without Next";
  const size_t others = CompletedBy(micro_batch).others;
  const float* sum = next_.get();
  for (size_t i = stack_.size(); i-- > others;) {
    AddInto(stack_[i].gradient.get() + first, sum + first, count);
    sum = stack_[i].gradient.get();
  }
  return sum;
}

void GradientSum::AddRanges(uint32_t micro_batch, const SampleSums& sums) {
  const Completed completed = CompletedBy(micro_batch);
  stack_.push_back({{}, sums, std::move(next_)});
  while (stack_.size() > completed.others + 1) {
    Partial& right = stack_.back();
    stack_[stack_.size() - 2].sums += right.sums;
    free_.push_back(std::move(right.gradient));
    stack_.pop_back();
  }
  stack_.back().node = completed.node;
}

}  // namespace hawser
