#include "worker/gradient_sum.h"

#include <utility>

#include "common/vector_ops.h"
#include "glog/logging.h"

namespace hawser {

GradientSum::GradientSum(uint32_t micro_batches, int64_t parameters)
    : tree_(micro_batches), parameters_(parameters) {}

void GradientSum::Clear() {
  for (Partial& partial : stack_) free_.push_back(std::move(partial.gradient));
  stack_.clear();
}

float* GradientSum::Next() {
  if (next_ == nullptr) {
    if (free_.empty()) {
      next_ = std::make_unique<float[]>(static_cast<size_t>(parameters_));
    } else {
      next_ = std::move(free_.back());
      free_.pop_back();
    }
  }
  return next_.get();
}

void GradientSum::Add(uint32_t micro_batch, const SampleSums& sums) {
  CHECK(next_ != nullptr) << "Add without Next";
  stack_.push_back({tree_.Canonical({0, micro_batch}), sums, std::move(next_)});
  MergeTop();
}

void GradientSum::MergeTop() {
  while (stack_.size() >= 2) {
    Partial& right = stack_.back();
    Partial& left = stack_[stack_.size() - 2];
    if (right.node == tree_.Root() || left.node != tree_.Sibling(right.node)) {
      return;
    }
    AddInto(left.gradient.get(), right.gradient.get(), parameters_);
    left.sums += right.sums;
    left.node = tree_.Parent(right.node);
    free_.push_back(std::move(right.gradient));
    stack_.pop_back();
  }
}

}  // namespace hawser
