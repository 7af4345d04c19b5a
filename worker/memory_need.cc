#include "worker/memory_need.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/job/job_rules.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

constexpr int64_t kMebibyte = int64_t{1} << 20;
constexpr int64_t kProcess = 56 * kMebibyte;
constexpr int64_t kThread = 8 * kMebibyte;

int64_t SamplesOf(const JobSpec& spec) {
  return spec.schedule().global_batch() / spec.schedule().micro_batches();
}

// State of an optimizer that a worker steps on its own, in vectors.
int64_t StateVectors(const OptimizerSpec& optimizer) {
  switch (optimizer.kind_case()) {
    case OptimizerSpec::kAdam:
    case OptimizerSpec::kAdamw:
      return 2;
    case OptimizerSpec::kAdagrad:
      return 1;
    case OptimizerSpec::kSgd:
      return optimizer.sgd().momentum() > 0 ? 1 : 0;
    case OptimizerSpec::KIND_NOT_SET:
      break;
  }
  return 0;
}

// Gradients that are held at once.
int64_t GradientVectors(const JobSpec& spec) {
  const SynchronisationSpec& synchronisation = spec.synchronisation();
  if (synchronisation.mode() != SYNCHRONOUS) return 2;
  const uint32_t micro_batches = spec.schedule().micro_batches();
  const uint32_t workers = spec.resources().workers();
  const uint32_t run = UsesLeases(spec.scheduling(), synchronisation)
                           ? micro_batches
                           : (micro_batches + workers - 1) / workers;
  if (spec.data_plane().sums_per_step() == 0) return std::bit_width(run);
  // Sums that the codec acts on are not added up further.
  const uint32_t sum = std::max(
      1u, std::bit_ceil(micro_batches) / spec.data_plane().sums_per_step());
  return run / sum + std::bit_width(std::min(run, sum));
}

// What is sent at once, in bytes of a parameter.
int64_t EncodedBytes(const JobSpec& spec) {
  const std::string& codec = spec.data_plane().push().codec();
  if (codec.empty() || codec == "none") return 0;
  // Two at most, whatever the codec; and a residual, if it keeps one.
  if (spec.data_plane().sums_per_step() == 0) return 2 + 4;
  return 2 * GradientVectors(spec);
}

std::string Mebibytes(int64_t bytes) {
  return absl::StrFormat("%d MiB", (bytes + kMebibyte - 1) / kMebibyte);
}

// The job with as few samples a micro-batch as make it fit, if any does.
std::optional<JobSpec> WithSmallerMicroBatches(JobSpec spec,
                                               uint64_t parameters, int threads,
                                               int64_t limit) {
  const uint32_t batch = spec.schedule().global_batch();
  for (uint32_t count = spec.schedule().micro_batches() + 1; count <= batch;
       ++count) {
    if (batch % count != 0) continue;
    spec.mutable_schedule()->set_micro_batches(count);
    if (MemoryNeedOf(spec, parameters, threads).total() <= limit) return spec;
  }
  return std::nullopt;
}

std::vector<std::string> ChangesThatFit(const JobSpec& spec,
                                        uint64_t parameters, int threads,
                                        int64_t limit) {
  std::vector<std::string> changes;
  const auto smaller =
      WithSmallerMicroBatches(spec, parameters, threads, limit);
  if (smaller.has_value()) {
    changes.push_back(absl::StrCat(
        "schedule.micro_batches: ", smaller->schedule().micro_batches(), " (",
        Mebibytes(MemoryNeedOf(*smaller, parameters, threads).total()), ")"));
  }
  if (!spec.model().has_gpt() || spec.model().gpt().recompute_activations()) {
    return changes;
  }
  JobSpec recomputing = spec;
  recomputing.mutable_model()->mutable_gpt()->set_recompute_activations(true);
  const MemoryNeed need = MemoryNeedOf(recomputing, parameters, threads);
  if (need.total() <= limit) {
    changes.push_back(absl::StrCat("model.gpt.recompute_activations: true (",
                                   Mebibytes(need.total()), ")"));
    return changes;
  }
  if (smaller.has_value()) return changes;
  const auto both =
      WithSmallerMicroBatches(recomputing, parameters, threads, limit);
  if (both.has_value()) {
    changes.push_back(absl::StrCat(
        "schedule.micro_batches: ", both->schedule().micro_batches(),
        " with model.gpt.recompute_activations: true (",
        Mebibytes(MemoryNeedOf(*both, parameters, threads).total()), ")"));
  }
  return changes;
}

}  // namespace

MemoryNeed MemoryNeedOf(const JobSpec& spec, uint64_t parameters, int threads) {
  const auto vector = static_cast<int64_t>(4 * parameters);
  MemoryNeed need;
  need.vectors = vector * (1 + GradientVectors(spec));
  if (spec.synchronisation().local_steps() > 1) {
    need.vectors += vector * (2 + StateVectors(spec.optimizer()));
  }
  need.vectors += static_cast<int64_t>(parameters) * EncodedBytes(spec);
  need.activations = ModelBytes(spec.model(), SamplesOf(spec), threads);
  need.process = kProcess + kThread * threads;
  return need;
}

absl::Status CheckMemory(const JobSpec& spec, uint64_t parameters, int threads,
                         int64_t limit_bytes) {
  const MemoryNeed need = MemoryNeedOf(spec, parameters, threads);
  if (need.total() <= limit_bytes) return absl::OkStatus();
  const std::vector<std::string> changes =
      ChangesThatFit(spec, parameters, threads, limit_bytes);
  return absl::ResourceExhaustedError(absl::StrCat(
      "the job needs ", Mebibytes(need.total()), " of a worker (",
      Mebibytes(need.vectors), " for parameters and gradients, ",
      Mebibytes(need.activations), " for activations, ",
      Mebibytes(need.process), " for the program), more than the ",
      Mebibytes(limit_bytes), " of --memory-limit; ",
      changes.empty()
          ? "no smaller micro-batch fits: use a smaller model or a worker with "
            "more memory"
          : absl::StrCat("it would fit with ",
                         absl::StrJoin(changes, ", or "))));
}

}  // namespace hawser
