#include "server/partial_sums.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/vector_ops.h"
#include "common/wire/float_pieces.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Elements that are still in the nearest cache when the norm is taken.
constexpr int64_t kCached = 4 << 10;

using Pass = void (*)(float* into, const void* from, int64_t n);

void Copy(float* into, const void* from, int64_t n) {
  std::memcpy(into, from, static_cast<size_t>(n) * sizeof(float));
}

// norm: of what it becomes; null: not asked for.
void RunPass(Pass pass, float* into, const void* from, int64_t n,
             SquaredNormSum* norm) {
  if (norm == nullptr) {
    pass(into, from, n);
    return;
  }
  const char* bytes = static_cast<const char*>(from);
  for (int64_t i = 0; i < n; i += kCached) {
    const int64_t count = std::min(kCached, n - i);
    pass(into + i, bytes + i * static_cast<int64_t>(sizeof(float)), count);
    norm->Add(into + i, count);
  }
}

}  // namespace

PartialSums::PartialSums(uint32_t micro_batches, int64_t elements,
                         FloatBufferPool* pool)
    : elements_(elements), pool_(pool), aggregation_(micro_batches) {}

PartialSums::Outcome PartialSums::Add(TreeNode node, PayloadPieces pieces,
                                      const SampleSums& sums, bool needs_norm) {
  const StepAggregation::Decision decision = aggregation_.Arrive(node);
  if (decision.verdict == StepAggregation::Verdict::kDuplicate) {
    return Outcome::kRepeat;
  }
  Accumulate(decision, pieces, sums, needs_norm && decision.complete);
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
                             PayloadPieces pieces, const SampleSums& sums,
                             bool needs_norm) {
  for (const TreeNode& node : decision.dropped) partials_.erase(node);
  SquaredNormSum norm;
  size_t passes_left = decision.merges.size();
  const auto norm_if_last = [&] {
    return needs_norm && passes_left-- == 0 ? &norm : nullptr;
  };
  const bool is_sum = decision.verdict == StepAggregation::Verdict::kAdd;
  Sum partial;
  if (is_sum) {
    partial = Take(decision.payload_target);
  } else {
    partial.gradient = pool_->Take();
  }
  const Pass pass = is_sum ? AddInto : Copy;
  SquaredNormSum* const payload_norm = norm_if_last();
  float* sum = partial.gradient->data();
  ForEachFloatRun(pieces, [=](int64_t first, const char* run, int64_t n) {
    RunPass(pass, sum + first, run, n, payload_norm);
  });
  partial.sums += sums;
  partials_[decision.payload_result] = std::move(partial);
  for (const StepAggregation::Merge& merge : decision.merges) {
    Sum into = Take(merge.into);
    const Sum from = Take(merge.from);
    RunPass(AddInto, into.gradient->data(), from.gradient->data(), elements_,
            norm_if_last());
    into.sums += from.sums;
    partials_[merge.result] = std::move(into);
  }
  if (needs_norm) partials_.begin()->second.squared_norm = norm.Total();
}

}  // namespace hawser
