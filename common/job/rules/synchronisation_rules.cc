#include <algorithm>

#include "common/job/job_rules.h"
#include "common/job/rules/checks.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr uint32_t kMaxStaleness = 1 << 20;
constexpr uint32_t kMaxLocalSteps = 1 << 16;

absl::Status CompleteOuter(uint32_t local_steps, SynchronisationSpec* spec) {
  if (local_steps == 1) {
    if (!spec->has_outer()) return absl::OkStatus();
    return Broken(
        "synchronisation.outer needs synchronisation.local_steps above 1");
  }
  OuterOptimizerSpec* outer = spec->mutable_outer();
  if (outer->learning_rate() == 0) outer->set_learning_rate(1);
  RETURN_IF_ERROR(CheckNotNegative("synchronisation.outer.learning_rate",
                                   outer->learning_rate()));
  RETURN_IF_ERROR(
      CheckRange("synchronisation.outer.momentum", outer->momentum(), 0, 1));
  if (outer->nesterov() && outer->momentum() == 0) {
    return Broken("synchronisation.outer.nesterov needs a momentum above 0");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SynchronisationSpec> CompleteSynchronisation(
    const SynchronisationSpec& given) {
  SynchronisationSpec spec = given;
  RETURN_IF_ERROR(CheckEnum("synchronisation.mode",
                            UpdateMode_IsValid(spec.mode()), spec.mode()));
  if (spec.mode() == UPDATE_MODE_UNSPECIFIED) spec.set_mode(SYNCHRONOUS);
  if (spec.mode() != BOUNDED_STALENESS &&
      (spec.staleness() != 0 || spec.staleness_seconds() != 0)) {
    return Broken(
        "synchronisation.staleness and staleness_seconds need mode "
        "BOUNDED_STALENESS");
  }
  RETURN_IF_ERROR(CheckNotNegative("synchronisation.staleness_seconds",
                                   spec.staleness_seconds()));
  if (spec.staleness() != 0 && spec.staleness_seconds() != 0) {
    return Broken(
        "synchronisation has both staleness and staleness_seconds; use one");
  }
  if (spec.staleness() > kMaxStaleness) {
    return Broken("synchronisation.staleness is ", spec.staleness(),
                  "; the most is ", kMaxStaleness,
                  " (ASYNCHRONOUS has no bound)");
  }
  if (spec.mode() == SYNCHRONOUS && spec.scale_by_staleness()) {
    return Broken(
        "synchronisation.scale_by_staleness needs mode BOUNDED_STALENESS or "
        "ASYNCHRONOUS");
  }
  if (spec.local_steps() == 0) spec.set_local_steps(1);
  if (spec.local_steps() > kMaxLocalSteps) {
    return Broken("synchronisation.local_steps is ", spec.local_steps(),
                  "; the most is ", kMaxLocalSteps);
  }
  RETURN_IF_ERROR(CompleteOuter(spec.local_steps(), &spec));
  return spec;
}

bool UsesLeases(const SchedulingSpec& scheduling,
                const SynchronisationSpec& synchronisation) {
  return scheduling.policy() == DYNAMIC ||
         synchronisation.mode() != SYNCHRONOUS;
}

std::optional<uint64_t> StalenessInClocks(
    const SynchronisationSpec& synchronisation) {
  if (synchronisation.mode() != BOUNDED_STALENESS ||
      synchronisation.staleness_seconds() > 0) {
    return std::nullopt;
  }
  return synchronisation.staleness();
}

}  // namespace hawser
