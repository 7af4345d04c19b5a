#include "common/job/job_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/job/rules/checks.h"
#include "common/job/rules/codec_rules.h"
#include "common/job/rules/data_rules.h"
#include "common/job/rules/from_rules.h"
#include "common/job/rules/guard_rules.h"
#include "common/job/rules/model_rules.h"
#include "common/job/rules/optimizer_rules.h"
#include "common/job/rules/personalise_rules.h"
#include "common/job/rules/replica_rules.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr uint32_t kMaxWorkers = 10000;
constexpr uint32_t kMaxServers = 1000;
constexpr uint32_t kMaxThreads = 1024;
constexpr uint32_t kMaxGlobalBatch = 1 << 20;
constexpr uint64_t kMaxSteps = uint64_t{1} << 40;
// Of checkpoints.
constexpr uint32_t kMostKept = 500;
constexpr double kLeastSeconds = 0.1;
constexpr double kMostSeconds = 1e9;
constexpr uint32_t kMinBlockElements = 256;
constexpr uint32_t kMaxBlockElements = 1 << 20;

absl::Status CheckName(const std::string& name) {
  const bool valid =
      !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  if (valid) return absl::OkStatus();
  return Broken("name is \"", name,
                "\"; it must be 1 to 63 of a-z, 0-9 and -, and start with a "
                "letter");
}

absl::Status CompleteSchedule(ScheduleSpec* schedule) {
  if ((schedule->epochs() == 0) == (schedule->steps() == 0)) {
    return Broken("schedule needs exactly one of epochs and steps, above 0");
  }
  if (std::max(schedule->epochs(), schedule->steps()) > kMaxSteps) {
    return Broken("schedule is longer than ", kMaxSteps, " steps or epochs");
  }
  const uint32_t batch = schedule->global_batch();
  if (batch < 1 || batch > kMaxGlobalBatch) {
    return Broken("schedule.global_batch is ", batch, "; it must be 1 to ",
                  kMaxGlobalBatch);
  }
  if (schedule->micro_batches() == 0) {
    uint32_t micro_batches = 8;
    while (batch % micro_batches != 0) micro_batches /= 2;
    schedule->set_micro_batches(micro_batches);
  }
  if (batch % schedule->micro_batches() != 0) {
    return Broken("schedule.micro_batches is ", schedule->micro_batches(),
                  "; it must divide schedule.global_batch, ", batch);
  }
  return absl::OkStatus();
}

absl::Status CompleteScheduling(SchedulingSpec* scheduling) {
  RETURN_IF_ERROR(CheckEnum("scheduling.policy",
                            Scheduling_IsValid(scheduling->policy()),
                            scheduling->policy()));
  RETURN_IF_ERROR(CheckEnum("scheduling.leases",
                            LeasePolicy_IsValid(scheduling->leases()),
                            scheduling->leases()));
  if (scheduling->policy() == SCHEDULING_UNSPECIFIED) {
    scheduling->set_policy(STATIC);
  }
  if (scheduling->policy() == STATIC) {
    if (scheduling->leases() == LEASE_POLICY_UNSPECIFIED &&
        !scheduling->no_backups()) {
      return absl::OkStatus();
    }
    return Broken(
        "scheduling.leases and scheduling.no_backups need policy DYNAMIC");
  }
  if (scheduling->leases() == LEASE_POLICY_UNSPECIFIED) {
    scheduling->set_leases(ADAPTIVE);
  }
  return absl::OkStatus();
}

absl::Status CompletePlacement(PlacementSpec* placement) {
  RETURN_IF_ERROR(CheckEnum("placement.policy",
                            Placement_IsValid(placement->policy()),
                            placement->policy()));
  if (placement->policy() == PLACEMENT_UNSPECIFIED) {
    placement->set_policy(BY_BLOCK);
  }
  if (placement->block_elements() == 0) {
    placement->set_block_elements(kDefaultBlockElements);
  }
  const uint32_t elements = placement->block_elements();
  if (elements < kMinBlockElements || elements > kMaxBlockElements) {
    return Broken("placement.block_elements is ", elements, "; it must be ",
                  kMinBlockElements, " to ", kMaxBlockElements);
  }
  return absl::OkStatus();
}

absl::Status CompleteResource(absl::string_view field, uint32_t most,
                              uint32_t value) {
  if (value <= most) return absl::OkStatus();
  return Broken("resources.", field, " is ", value, "; the most is ", most);
}

absl::Status CompleteResources(ResourcesSpec* resources) {
  if (resources->workers() == 0) resources->set_workers(1);
  if (resources->servers() == 0) resources->set_servers(1);
  if (resources->threads_per_worker() == 0) {
    resources->set_threads_per_worker(1);
  }
  if (resources->replicas() == 0) resources->set_replicas(1);
  RETURN_IF_ERROR(
      CompleteResource("workers", kMaxWorkers, resources->workers()));
  RETURN_IF_ERROR(
      CompleteResource("servers", kMaxServers, resources->servers()));
  return CompleteResource("threads_per_worker", kMaxThreads,
                          resources->threads_per_worker());
}

absl::Status CompleteCheckpoint(const std::string& job_name,
                                CheckpointSpec* checkpoint) {
  const int ways = (checkpoint->every_steps() != 0) +
                   (checkpoint->every_epochs() != 0) +
                   (checkpoint->every_seconds() != 0);
  if (ways > 1) {
    return Broken(
        "checkpoint has more than one of every_steps, every_epochs and "
        "every_seconds; use one");
  }
  const double seconds = checkpoint->every_seconds();
  if (seconds != 0 && !(seconds >= kLeastSeconds && seconds <= kMostSeconds)) {
    return Broken("checkpoint.every_seconds is ", seconds, "; it must be ",
                  kLeastSeconds, " to ", kMostSeconds, ", or 0");
  }
  if (std::max(checkpoint->every_steps(), checkpoint->every_epochs()) >
      kMaxSteps) {
    return Broken("checkpoint.every_steps and every_epochs are at most ",
                  kMaxSteps);
  }
  if (checkpoint->keep_last() > kMostKept) {
    return Broken("checkpoint.keep_last is ", checkpoint->keep_last(),
                  "; it must be at most ", kMostKept,
                  ", or 0 to keep all of them");
  }
  if (checkpoint->keep_every_steps() != 0 && checkpoint->keep_last() == 0) {
    return Broken(
        "checkpoint.keep_every_steps needs keep_last, without which all are "
        "kept");
  }
  if (checkpoint->directory().empty()) checkpoint->set_directory(job_name);
  return CheckPath("checkpoint.directory", checkpoint->directory());
}

}  // namespace

absl::StatusOr<JobSpec> CompleteJob(const JobSpec& spec) {
  JobSpec job = spec;
  RETURN_IF_ERROR(CheckName(job.name()));
  RETURN_IF_ERROR(CompleteModel(job.mutable_model()));
  RETURN_IF_ERROR(CompleteData(job.mutable_data()));
  RETURN_IF_ERROR(CheckDataSuits(job.data(), job.model()));
  RETURN_IF_ERROR(CompleteOptimizer(job.mutable_optimizer()));
  RETURN_IF_ERROR(CompleteLearningRate(job.mutable_learning_rate()));
  RETURN_IF_ERROR(CompleteSchedule(job.mutable_schedule()));
  ASSIGN_OR_RETURN(*job.mutable_synchronisation(),
                   CompleteSynchronisation(job.synchronisation()));
  RETURN_IF_ERROR(CompletePlacement(job.mutable_placement()));
  RETURN_IF_ERROR(CompleteScheduling(job.mutable_scheduling()));
  RETURN_IF_ERROR(CompleteCheckpoint(job.name(), job.mutable_checkpoint()));
  RETURN_IF_ERROR(CompleteGuards(&job));
  if (job.has_from()) RETURN_IF_ERROR(CheckFrom(job));
  if (job.has_personalise()) RETURN_IF_ERROR(CompletePersonalise(&job));
  RETURN_IF_ERROR(CompleteResources(job.mutable_resources()));
  RETURN_IF_ERROR(CheckReplicas(job.resources()));
  RETURN_IF_ERROR(CompleteDataPlane(&job));
  RETURN_IF_ERROR(
      CheckNotNegative("limits.max_seconds", job.limits().max_seconds()));
  RETURN_IF_ERROR(CheckNotNegative("limits.max_queue_seconds",
                                   job.limits().max_queue_seconds()));
  return job;
}

uint64_t StepsPerEpoch(const JobSpec& complete, uint64_t training_samples) {
  const uint64_t batch = complete.schedule().global_batch();
  return (training_samples + batch - 1) / batch;
}

uint64_t TotalSteps(const JobSpec& complete, uint64_t training_samples) {
  if (complete.schedule().steps() != 0) return complete.schedule().steps();
  return complete.schedule().epochs() *
         StepsPerEpoch(complete, training_samples);
}

}  // namespace hawser
