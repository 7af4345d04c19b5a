#include "server/partial_sums.h"

#include <cstring>
#include <utility>

#include "common/vector_ops.h"
#include "common/wire/float_pieces.h"
#include "glog/logging.h"

namespace hawser {

PartialSums::PartialSums(uint32_t micro_batches, int64_t elements,
                         FloatBufferPool* pool)
    : elements_(elements), pool_(pool), aggregation_(micro_batches) {}

PartialSums::Outcome PartialSums::Add(TreeNode node, PayloadPieces pieces,
                                      const SampleSums& sums) {
  const StepAggregation::Decision decision = aggregation_.Arrive(node);
  if (decision.verdict == StepAggregation::Verdict::kDuplicate) {
    return Outcome::kRepeat;
  }
  Accumulate(decision, pieces, sums);
  return decision.complete ? Outcome::kComplete : Outcome::kCounted;
}

PartialSums::Sum PartialSums::Take(TreeNode node) {
  auto found = partials_.find(node);
  CHECK(found != partials_.end());
  Sum partial = std::move(found->second);
  partials_.erase(found);
  return partial;
}

PartialSums::Sum PartialSums::TakeTotal() {
  Sum total = Take(tree().Root());
  aggregation_.Reset();
  return total;
}

void PartialSums::Accumulate(const StepAggregation::Decision& decision,
                             PayloadPieces pieces, const SampleSums& sums) {
  for (const TreeNode& node : decision.dropped) partials_.erase(node);
  Sum partial;
  if (decision.verdict == StepAggregation::Verdict::kAdd) {
    partial = Take(decision.payload_target);
    float* sum = partial.gradient->data();
    ForEachFloatRun(pieces, [sum](int64_t first, const char* run, int64_t n) {
      AddInto(sum + first, run, n);
    });
  } else {
    partial.gradient = pool_->Take();
    float* sum = partial.gradient->data();
    ForEachFloatRun(pieces, [sum](int64_t first, const char* run, int64_t n) {
      std::memcpy(sum + first, run, static_cast<size_t>(n) * sizeof(float));
    });
  }
  partial.sums += sums;
  partials_[decision.payload_result] = std::move(partial);
  for (const StepAggregation::Merge& merge : decision.merges) {
    Sum into = Take(merge.into);
    const Sum from = Take(merge.from);
    AddInto(into.gradient->data(), from.gradient->data(), elements_);
    into.sums += from.sums;
    partials_[merge.result] = std::move(into);
  }
}

}  // namespace hawser
