#include "tests/simulation/scale_setup.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/simulation/tiny_data.h"

namespace hawser::simulation {
namespace {

constexpr uint32_t kLocalSteps = 8;
constexpr uint32_t kStaleness = 4;
// Units of a hidden layer: its weights and biases are one block.
constexpr uint32_t kUnits = 2;
// Layers of weights that a model may have, less one to be sure.
constexpr uint32_t kMostLayers = 60;

uint32_t Stragglers(const ScaleOptions& options) {
  return static_cast<uint32_t>(
      std::lround(options.stragglers * options.workers));
}

uint32_t MicroBatches(const ScaleOptions& options) {
  return options.workers * options.micro_batches_per_worker;
}

// As many blocks as servers, and as few parameters as that allows.
void SetModel(uint32_t servers, JobSpec* spec) {
  MlpSpec* mlp = spec->mutable_model()->mutable_mlp();
  mlp->add_layer_sizes(kFeatures);
  if (servers <= kMostLayers) {
    for (uint32_t i = 1; i < servers; ++i) mlp->add_layer_sizes(kUnits);
  } else {
    // 256 elements a block.
    mlp->add_layer_sizes(256 * servers / (kFeatures + kClasses + 1) + 1);
  }
  mlp->add_layer_sizes(kClasses);
  spec->mutable_placement()->set_block_elements(256);
}

uint64_t ParametersOf(const JobSpec& spec) {
  uint64_t parameters = 0;
  const auto& sizes = spec.model().mlp().layer_sizes();
  for (int i = 1; i < sizes.size(); ++i) {
    parameters += (uint64_t{sizes[i - 1]} + 1) * sizes[i];
  }
  return parameters;
}

absl::Status SetMode(const std::string& mode, JobSpec* spec) {
  SynchronisationSpec* synchronisation = spec->mutable_synchronisation();
  if (mode == "synchronous-static") return absl::OkStatus();
  if (mode == "local-steps") {
    synchronisation->set_local_steps(kLocalSteps);
    return absl::OkStatus();
  }
  spec->mutable_scheduling()->set_policy(DYNAMIC);
  if (mode == "synchronous-dynamic") return absl::OkStatus();
  if (mode == "asynchronous") {
    synchronisation->set_mode(ASYNCHRONOUS);
    return absl::OkStatus();
  }
  if (mode == "bounded-staleness") {
    synchronisation->set_mode(BOUNDED_STALENESS);
    synchronisation->set_staleness(kStaleness);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "no mode ", mode, "; there are ", absl::StrJoin(ScaleModes(), ", ")));
}

// Evenly spread over the workers.
void AddStragglers(const ScaleOptions& options, std::vector<Fault>* faults) {
  const uint32_t count = Stragglers(options);
  for (uint32_t i = 0; i < count; ++i) {
    Fault fault;
    fault.kind = Fault::Kind::kSlowWorker;
    fault.target =
        absl::StrCat("worker ", 1 + uint64_t{i} * options.workers / count);
    fault.amount = options.slowness;
    faults->push_back(fault);
  }
}

// One worker after the other, for longer than the run may last.
void AddFailures(const ScaleOptions& options, absl::Duration until,
                 std::vector<Fault>* faults) {
  if (options.failures_per_minute <= 0) return;
  const absl::Duration every = absl::Minutes(1) / options.failures_per_minute;
  uint32_t number = 0;
  for (absl::Duration at = every / 2; at < until; at += every) {
    Fault fault;
    fault.kind = Fault::Kind::kCrash;
    fault.at = at;
    // 7919 is prime: they are spread.
    fault.target =
        absl::StrCat("worker ", 1 + number++ * 7919 % options.workers);
    fault.lasts = absl::Seconds(options.restart_seconds);
    faults->push_back(fault);
  }
}

}  // namespace

const std::vector<std::string>& ScaleModes() {
  static const auto* const kModes = new std::vector<std::string>{
      "synchronous-static", "synchronous-dynamic", "bounded-staleness",
      "asynchronous", "local-steps"};
  return *kModes;
}

uint32_t LocalStepsOf(const ScaleOptions& options) {
  return options.mode == "local-steps" ? kLocalSteps : 1;
}

uint32_t TrainingSamplesOf(const ScaleOptions& options) {
  // A step's samples are an epoch, so that every worker's copy is small.
  return MicroBatches(options) * LocalStepsOf(options);
}

absl::StatusOr<Setup> ScaleSetup(const ScaleOptions& options) {
  Setup setup;
  setup.seed = options.seed;
  setup.workers = options.workers;
  setup.servers = options.servers;
  JobSpec& spec = setup.spec;
  spec.set_name("job");
  SetModel(options.servers, &spec);
  spec.mutable_data()->mutable_idx();
  spec.mutable_data()->set_partition(BY_SAMPLE);  // the cheapest
  spec.mutable_optimizer()->mutable_sgd();
  spec.mutable_learning_rate()->set_base(1e-3);
  spec.mutable_schedule()->set_steps(options.steps * LocalStepsOf(options));
  spec.mutable_schedule()->set_micro_batches(MicroBatches(options));
  spec.mutable_schedule()->set_global_batch(MicroBatches(options));
  spec.mutable_resources()->set_workers(options.workers);
  spec.mutable_resources()->set_servers(options.servers);
  const absl::Status mode = SetMode(options.mode, &spec);
  if (!mode.ok()) return mode;
  setup.compute = absl::Seconds(options.compute_seconds);
  setup.compute_variation = options.compute_variation;
  setup.worker_bytes_per_second = options.worker_gigabits * 1e9 / 8;
  setup.server_bytes_per_second =
      options.server_gigabits * 1e9 / 8 * options.machines_per_server;
  setup.parameter_factor =
      options.parameters / static_cast<double>(ParametersOf(spec));
  // Three times as long as it should take.
  const double slowest = options.stragglers > 0 ? options.slowness : 1;
  setup.patience = absl::Minutes(10) + 3 * static_cast<double>(options.steps) *
                                           slowest * LocalStepsOf(options) *
                                           options.micro_batches_per_worker *
                                           setup.compute;
  AddStragglers(options, &setup.faults);
  AddFailures(options, setup.patience, &setup.faults);
  return setup;
}

double CapacityOf(const ScaleOptions& options) {
  const uint32_t slow = Stragglers(options);
  return (options.workers - slow + slow / options.slowness) /
         (options.compute_seconds * LocalStepsOf(options));
}

}  // namespace hawser::simulation
