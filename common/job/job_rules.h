// The rules a JobSpec must obey, and the defaults it is filled in with.
#ifndef HAWSER_COMMON_JOB_JOB_RULES_H_
#define HAWSER_COMMON_JOB_JOB_RULES_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/job.pb.h"

namespace hawser {

// Of placement.block_elements: 1 MiB, a message on the wire.
inline constexpr uint32_t kDefaultBlockElements = 1 << 18;

// The spec with every default filled in (no *_UNSPECIFIED, no zero that means a
// default). INVALID_ARGUMENT: the first rule broken, by field path, with the
// value found and the values allowed ("learning_rate.base is nan; it must be a
// finite number above 0").
absl::StatusOr<JobSpec> CompleteJob(const JobSpec& spec);

// The same for how a job is synchronised alone.
absl::StatusOr<SynchronisationSpec> CompleteSynchronisation(
    const SynchronisationSpec& given);

// data_plane.sums_per_step by its default, if it has one: by the workers that
// the job asks for, before somebody asks for others.
void SetSumsPerStep(JobSpec* job);

// True if workers lease their micro-batches as they go, rather than have the
// same ones in every step.
bool UsesLeases(const SchedulingSpec& scheduling,
                const SynchronisationSpec& synchronisation);

// The bound on staleness that reads wait for; nothing: none in clocks.
std::optional<uint64_t> StalenessInClocks(
    const SynchronisationSpec& synchronisation);

// Optimizer steps of one epoch over `training_samples`, the last one possibly
// smaller: ceil(samples / global_batch).
uint64_t StepsPerEpoch(const JobSpec& complete, uint64_t training_samples);

// Optimizer steps of the whole job.
uint64_t TotalSteps(const JobSpec& complete, uint64_t training_samples);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_JOB_RULES_H_
