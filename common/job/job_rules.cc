#include "common/job/job_rules.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/job/model_layout.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr uint32_t kMaxWorkers = 10000;
constexpr uint32_t kMaxServers = 1000;
constexpr uint32_t kMaxThreads = 1024;
constexpr uint32_t kMaxGlobalBatch = 1 << 20;
constexpr uint64_t kMaxSteps = uint64_t{1} << 40;
constexpr uint32_t kMaxLayerSize = 1 << 20;
constexpr uint32_t kMinBlockElements = 256;
constexpr uint32_t kMaxBlockElements = 1 << 20;
constexpr uint32_t kDefaultBlockElements = 1 << 18;
constexpr uint32_t kMaxStaleness = 1 << 20;
constexpr uint32_t kMaxLocalSteps = 1 << 16;
constexpr size_t kMaxPathBytes = 4096;

template <typename... Parts>
absl::Status Broken(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// lowest <= value < limit and finite.
absl::Status CheckRange(absl::string_view field, double value, double lowest,
                        double limit) {
  if (value >= lowest && value < limit) return absl::OkStatus();
  return Broken(field, " is ", value, "; it must be at least ", lowest,
                " and below ", limit);
}

// A number in text format that names no value of its enum.
absl::Status CheckEnum(absl::string_view field, bool is_valid, int value) {
  if (is_valid) return absl::OkStatus();
  return Broken(field, " is ", value, ", which has no name; write a name");
}

// Everything is computed in float32: what would overflow there is refused.
constexpr double kMostNumber = 1e30;

absl::Status CheckNotNegative(absl::string_view field, double value) {
  if (value >= 0 && value <= kMostNumber) return absl::OkStatus();
  return Broken(field, " is ", value, "; it must be a number from 0 to ",
                kMostNumber);
}

// 0 <= value <= most.
absl::Status CheckUpTo(absl::string_view field, double value, double most) {
  if (value >= 0 && value <= most) return absl::OkStatus();
  return Broken(field, " is ", value, "; it must be a number from 0 to ", most);
}

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

absl::Status CheckPath(absl::string_view field, const std::string& path) {
  if (path.size() > kMaxPathBytes || path.find('\0') != std::string::npos) {
    return Broken(field, " is not a path");
  }
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part == "..") {
      return Broken(field, " is ", path, "; it must not contain \"..\"");
    }
  }
  return absl::OkStatus();
}

absl::Status CompleteModel(ModelSpec* model) {
  if (!model->has_mlp())
    return Broken("model is not set; use model { mlp { } }");
  MlpSpec* mlp = model->mutable_mlp();
  if (mlp->layer_sizes_size() < 2 || mlp->layer_sizes_size() > 64) {
    return Broken(
        "model.mlp.layer_sizes has ", mlp->layer_sizes_size(),
        " entries; it must have 2 to 64 (input, hidden ones, output)");
  }
  for (const uint32_t size : mlp->layer_sizes()) {
    if (size < 1 || size > kMaxLayerSize) {
      return Broken("model.mlp.layer_sizes has an entry ", size,
                    "; each must be 1 to ", kMaxLayerSize);
    }
  }
  RETURN_IF_ERROR(CheckEnum("model.mlp.activation",
                            Activation_IsValid(mlp->activation()),
                            mlp->activation()));
  RETURN_IF_ERROR(CheckEnum("model.mlp.initialisation",
                            WeightInitialisation_IsValid(mlp->initialisation()),
                            mlp->initialisation()));
  if (mlp->activation() == ACTIVATION_UNSPECIFIED) mlp->set_activation(RELU);
  if (mlp->initialisation() == WEIGHT_INITIALISATION_UNSPECIFIED) {
    mlp->set_initialisation(FAN_IN_UNIFORM);
  }
  RETURN_IF_ERROR(CheckRange("model.mlp.dropout", mlp->dropout(), 0, 1));
  RETURN_IF_ERROR(
      CheckRange("model.mlp.input_dropout", mlp->input_dropout(), 0, 1));
  RETURN_IF_ERROR(
      CheckRange("model.mlp.label_smoothing", mlp->label_smoothing(), 0, 1));
  return LayoutOf(*model).status();
}

absl::Status CompleteData(DataSpec* data) {
  if (!data->has_idx()) return Broken("data is not set; use data { idx { } }");
  const IdxSpec& idx = data->idx();
  RETURN_IF_ERROR(CheckPath("data.idx.directory", idx.directory()));
  RETURN_IF_ERROR(CheckPath("data.idx.train_images", idx.train_images()));
  RETURN_IF_ERROR(CheckPath("data.idx.train_labels", idx.train_labels()));
  RETURN_IF_ERROR(
      CheckPath("data.idx.validation_images", idx.validation_images()));
  RETURN_IF_ERROR(
      CheckPath("data.idx.validation_labels", idx.validation_labels()));
  RETURN_IF_ERROR(CheckEnum("data.partition",
                            Partition_IsValid(data->partition()),
                            data->partition()));
  if (data->partition() == PARTITION_UNSPECIFIED) data->set_partition(RANDOM);
  if (!data->has_augmentation()) return absl::OkStatus();
  AugmentationSpec* augmentation = data->mutable_augmentation();
  RETURN_IF_ERROR(CheckRange("data.augmentation.shift_pixels",
                             augmentation->shift_pixels(), 0, 1000));
  RETURN_IF_ERROR(CheckUpTo("data.augmentation.rotation_degrees",
                            augmentation->rotation_degrees(), 180));
  RETURN_IF_ERROR(
      CheckRange("data.augmentation.scale", augmentation->scale(), 0, 1));
  RETURN_IF_ERROR(CheckRange("data.augmentation.elastic_strength_pixels",
                             augmentation->elastic_strength_pixels(), 0, 1000));
  RETURN_IF_ERROR(CheckRange("data.augmentation.elastic_sigma_pixels",
                             augmentation->elastic_sigma_pixels(), 0, 100));
  if (augmentation->elastic_strength_pixels() > 0 &&
      augmentation->elastic_sigma_pixels() == 0) {
    augmentation->set_elastic_sigma_pixels(4);
  }
  return absl::OkStatus();
}

absl::Status CompleteAdam(absl::string_view field, AdamSpec* adam) {
  if (adam->beta1() == 0) adam->set_beta1(0.9);
  if (adam->beta2() == 0) adam->set_beta2(0.999);
  if (adam->epsilon() == 0) adam->set_epsilon(1e-8);
  RETURN_IF_ERROR(
      CheckRange(absl::StrCat(field, ".beta1"), adam->beta1(), 0, 1));
  RETURN_IF_ERROR(
      CheckRange(absl::StrCat(field, ".beta2"), adam->beta2(), 0, 1));
  return CheckNotNegative(absl::StrCat(field, ".epsilon"), adam->epsilon());
}

absl::Status CompleteOptimizer(OptimizerSpec* optimizer) {
  RETURN_IF_ERROR(
      CheckNotNegative("optimizer.weight_decay", optimizer->weight_decay()));
  RETURN_IF_ERROR(CheckNotNegative("optimizer.clip_global_norm",
                                   optimizer->clip_global_norm()));
  switch (optimizer->kind_case()) {
    case OptimizerSpec::kSgd:
      RETURN_IF_ERROR(CheckRange("optimizer.sgd.momentum",
                                 optimizer->sgd().momentum(), 0, 1));
      if (optimizer->sgd().nesterov() && optimizer->sgd().momentum() == 0) {
        return Broken("optimizer.sgd.nesterov needs a momentum above 0");
      }
      return absl::OkStatus();
    case OptimizerSpec::kAdam:
      return CompleteAdam("optimizer.adam", optimizer->mutable_adam());
    case OptimizerSpec::kAdamw:
      return CompleteAdam("optimizer.adamw", optimizer->mutable_adamw());
    case OptimizerSpec::kAdagrad: {
      AdagradSpec* adagrad = optimizer->mutable_adagrad();
      if (adagrad->epsilon() == 0) adagrad->set_epsilon(1e-10);
      RETURN_IF_ERROR(
          CheckNotNegative("optimizer.adagrad.epsilon", adagrad->epsilon()));
      return CheckNotNegative("optimizer.adagrad.initial_accumulator",
                              adagrad->initial_accumulator());
    }
    case OptimizerSpec::KIND_NOT_SET:
      break;
  }
  return Broken("optimizer is not set; use one of sgd, adam, adamw, adagrad");
}

absl::Status CompleteLearningRate(LearningRateSpec* rate) {
  if (!(rate->base() > 0 && rate->base() <= kMostNumber)) {
    return Broken("learning_rate.base is ", rate->base(),
                  "; it must be a number above 0 and at most ", kMostNumber);
  }
  switch (rate->decay_case()) {
    case LearningRateSpec::kCosine:
      return CheckUpTo("learning_rate.cosine.final_ratio",
                       rate->cosine().final_ratio(), 1);
    case LearningRateSpec::kStep: {
      const StepDecay& step = rate->step();
      if ((step.every_steps() == 0) == (step.every_epochs() == 0)) {
        return Broken(
            "learning_rate.step needs exactly one of every_steps and "
            "every_epochs, above 0");
      }
      if (!(step.factor() > 0 && step.factor() <= 1)) {
        return Broken("learning_rate.step.factor is ", step.factor(),
                      "; it must be above 0 and at most 1");
      }
      return absl::OkStatus();
    }
    default:
      rate->mutable_constant();
      return absl::OkStatus();
  }
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

namespace {

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
  RETURN_IF_ERROR(
      CompleteResource("workers", kMaxWorkers, resources->workers()));
  RETURN_IF_ERROR(
      CompleteResource("servers", kMaxServers, resources->servers()));
  return CompleteResource("threads_per_worker", kMaxThreads,
                          resources->threads_per_worker());
}

absl::Status CompleteCheckpoint(const std::string& job_name,
                                CheckpointSpec* checkpoint) {
  if (checkpoint->every_steps() != 0 && checkpoint->every_epochs() != 0) {
    return Broken("checkpoint has both every_steps and every_epochs; use one");
  }
  if (std::max(checkpoint->every_steps(), checkpoint->every_epochs()) >
      kMaxSteps) {
    return Broken("checkpoint.every_steps and every_epochs are at most ",
                  kMaxSteps);
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
  RETURN_IF_ERROR(CompleteOptimizer(job.mutable_optimizer()));
  RETURN_IF_ERROR(CompleteLearningRate(job.mutable_learning_rate()));
  RETURN_IF_ERROR(CompleteSchedule(job.mutable_schedule()));
  ASSIGN_OR_RETURN(*job.mutable_synchronisation(),
                   CompleteSynchronisation(job.synchronisation()));
  RETURN_IF_ERROR(CompletePlacement(job.mutable_placement()));
  RETURN_IF_ERROR(CompleteScheduling(job.mutable_scheduling()));
  RETURN_IF_ERROR(CompleteCheckpoint(job.name(), job.mutable_checkpoint()));
  RETURN_IF_ERROR(CompleteResources(job.mutable_resources()));
  RETURN_IF_ERROR(
      CheckNotNegative("limits.max_seconds", job.limits().max_seconds()));
  RETURN_IF_ERROR(CheckNotNegative("limits.max_queue_seconds",
                                   job.limits().max_queue_seconds()));
  return job;
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
