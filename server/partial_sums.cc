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
                         FloatBufferPool* pool, const JobCodecs* codecs)
    : elements_(elements),
      pool_(pool),
      codecs_(codecs),
      aggregation_(micro_batches) {}

PartialSums::Outcome PartialSums::Add(TreeNode node,
                                      const JobCodecs::Direction& by,
                                      PayloadPieces pieces,
                                      const SampleSums& sums, bool needs_norm) {
  const StepAggregation::Decision decision = aggregation_.Arrive(node);
  if (decision.verdict == StepAggregation::Verdict::kDuplicate) {
    return Outcome::kRepeat;
  }
  Accumulate(decision, by, pieces, sums, needs_norm && decision.complete);
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

void PartialSums::StartOver() {
  partials_.clear();
  aggregation_.Reset();
}

void PartialSums::EncodeAndDecode(float* sum) {
  const Codec& codec = *codecs_->push().codec;
  encoded_.resize(codec.EncodedBytes(elements_));
  codec.Encode(sum, elements_, nullptr, encoded_.data());
  const absl::Span<const char> piece(encoded_);
  codec.DecodeTo({&piece, 1}, elements_, sum);
}

void PartialSums::Accumulate(const StepAggregation::Decision& decision,
                             const JobCodecs::Direction& by,
                             PayloadPieces pieces, const SampleSums& sums,
                             bool needs_norm) {
  for (const TreeNode& node : decision.dropped) partials_.erase(node);
  SquaredNormSum norm;
  size_t passes_left = decision.merges.size();
  // Of a node that has been added up here; it may go through the codec yet.
  const auto norm_if_last = [&](bool encodes) {
    return needs_norm && passes_left-- == 0 && !encodes ? &norm : nullptr;
  };
  const auto finish = [&](TreeNode node, bool encodes, Sum sum) {
    if (encodes) {
      EncodeAndDecode(sum.gradient->data());
      if (needs_norm && node == tree().Root()) {
        norm.Add(sum.gradient->data(), elements_);
      }
    }
    partials_[node] = std::move(sum);
  };
  const bool is_sum = decision.verdict == StepAggregation::Verdict::kAdd;
  const bool encodes = is_sum && codecs_->ActsAt(decision.payload_result);
  Sum partial;
  if (is_sum) {
    partial = Take(decision.payload_target);
  } else {
    partial.gradient = pool_->Take();
  }
  const Pass pass = is_sum ? AddInto : Copy;
  SquaredNormSum* const payload_norm = norm_if_last(encodes);
  float* sum = partial.gradient->data();
  const auto use = [=](int64_t first, const void* run, int64_t n) {
    RunPass(pass, sum + first, run, n, payload_norm);
  };
  if (by.is_float32()) {
    ForEachFloatRun(pieces, use);
  } else {
    by.codec->Decode(pieces, elements_, use);
  }
  partial.sums += sums;
  finish(decision.payload_result, encodes, std::move(partial));
  for (const StepAggregation::Merge& merge : decision.merges) {
    Sum into = Take(merge.into);
    const Sum from = Take(merge.from);
    const bool merge_encodes = codecs_->ActsAt(merge.result);
    RunPass(AddInto, into.gradient->data(), from.gradient->data(), elements_,
            norm_if_last(merge_encodes));
    into.sums += from.sums;
    finish(merge.result, merge_encodes, std::move(into));
  }
  if (needs_norm) partials_.begin()->second.squared_norm = norm.Total();
}

}  // namespace hawser
