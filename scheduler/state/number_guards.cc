#include "scheduler/state/number_guards.h"

#include "absl/strings/str_cat.h"

namespace hawser {
namespace {

template <typename Map>
void ForgetOldest(Map* map) {
  if (map->size() > NumberGuards::kMaxKept) map->erase(map->begin());
}

}  // namespace

std::optional<NumberGuards::Finding> NumberGuards::Take(
    uint64_t worker, const NotFinite& found) {
  if (found.parameters()) {
    return Finding{
        absl::StrCat("the parameters after step ", found.step(),
                     " are infinite or not a number, in layer ", found.layer(),
                     "; lower learning_rate.base or set "
                     "optimizer.clip_global_norm"),
        /*ends_job=*/true};
  }
  const MicroBatch micro_batch = {found.step(), found.micro_batch()};
  if (!void_.try_emplace(micro_batch, Told{worker}).second) {
    return std::nullopt;
  }
  ForgetOldest(&void_);
  ++not_finite_;
  const bool skips = spec_.not_finite() == SKIP_STEP;
  return Finding{
      absl::StrCat("worker ", worker, ", step ", found.step(), ", micro-batch ",
                   found.micro_batch(), ": the gradient is infinite or not a ",
                   "number, first in layer ", found.layer(),
                   skips ? "; it changes no parameter"
                         : "; lower learning_rate.base, set "
                           "optimizer.clip_global_norm, or let such steps be "
                           "skipped: guards { not_finite: SKIP_STEP }"),
      !skips};
}

std::optional<NumberGuards::Finding> NumberGuards::Take(
    uint64_t worker, const MicroBatchDigest& digest) {
  const MicroBatch micro_batch = {digest.step(), digest.micro_batch()};
  const auto [known, is_new] =
      digests_.try_emplace(micro_batch, Told{worker, digest.crc32c()});
  const Told other = known->second;
  if (is_new) {
    ForgetOldest(&digests_);
    return std::nullopt;
  }
  if (other.crc32c == digest.crc32c()) return std::nullopt;
  return Finding{
      absl::StrCat("worker ", worker, " and worker ", other.worker,
                   " computed different gradients of step ", digest.step(),
                   ", micro-batch ", digest.micro_batch(), " (CRC32C ",
                   absl::Hex(digest.crc32c(), absl::kZeroPad8), " and ",
                   absl::Hex(other.crc32c, absl::kZeroPad8),
                   "): one of their machines is faulty, or their CPUs are of "
                   "different kinds (see DNNL_MAX_CPU_ISA in the README); "
                   "submit the job again without it"),
      /*ends_job=*/true};
}

}  // namespace hawser
