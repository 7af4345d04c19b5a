// Why a job got a new incarnation: what its plan before and the new one differ
// in. A replay of the journal finds the same reasons again.
//
// Pure.
#ifndef HAWSER_SCHEDULER_STATE_INCARNATION_REASON_H_
#define HAWSER_SCHEDULER_STATE_INCARNATION_REASON_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "proto/plan.pb.h"

namespace hawser {

enum class IncarnationReason {
  kStart,             // the first plan, and the one with blocks
  kWorkerLost,        // one that the plan before named is not there
  kWorkerJoined,      // others are all there
  kServerLost,        // a roll-back
  kBlocksMoved,       // to other servers, with what they hold; or replicas
  kSettingChanged,    // how it is synchronised
  kSchedulerRestart,  // the same members, asked to tell again
};
inline constexpr size_t kIncarnationReasons = 7;

// How often for each reason, by its number.
using IncarnationCounts = std::array<uint64_t, kIncarnationReasons>;

// before: nothing if `next` is the first.
IncarnationReason ReasonOf(const std::optional<Plan>& before, const Plan& next);

// "worker_lost".
const char* NameOf(IncarnationReason reason);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_INCARNATION_REASON_H_
