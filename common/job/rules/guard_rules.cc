#include "common/job/rules/guard_rules.h"

#include "common/job/rules/checks.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr uint32_t kMostBetween = 1 << 20;

}  // namespace

absl::Status CompleteGuards(JobSpec* job) {
  GuardsSpec* guards = job->mutable_guards();
  RETURN_IF_ERROR(CheckEnum("guards.not_finite",
                            NotFinitePolicy_IsValid(guards->not_finite()),
                            guards->not_finite()));
  if (guards->not_finite() == NOT_FINITE_POLICY_UNSPECIFIED) {
    guards->set_not_finite(STOP);
  }
  if (guards->recompute_every() == 0) return absl::OkStatus();
  if (guards->recompute_every() > kMostBetween) {
    return Broken("guards.recompute_every is ", guards->recompute_every(),
                  "; the most is ", kMostBetween);
  }
  if (job->synchronisation().mode() != SYNCHRONOUS ||
      job->scheduling().policy() != STATIC) {
    return Broken(
        "guards.recompute_every needs synchronisation.mode SYNCHRONOUS and "
        "scheduling.policy STATIC");
  }
  return absl::OkStatus();
}

}  // namespace hawser
