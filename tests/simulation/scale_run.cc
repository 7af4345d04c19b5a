#include "tests/simulation/scale_run.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "tests/simulation/audit_history.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/event_log.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"
#include "tests/simulation/tiny_data.h"

namespace hawser::simulation {
namespace {

// What a job must come to: every sample once an epoch.
Reference ReferenceOf(const ScaleOptions& options) {
  Reference reference;
  reference.has_one_result = false;
  for (uint64_t i = 0; i < options.steps; ++i) {
    reference.end.add_epochs_done()->mutable_training()->set_samples(
        TrainingSamplesOf(options));
  }
  return reference;
}

// When a step had been reached, and what the scheduler had cost by then.
struct Moment {
  uint64_t step = 0;
  absl::Duration time;
  Process::Meter scheduler;
};

void Measure(const ScaleOptions& options, const Moment& from, const Moment& to,
             ScaleResult* result) {
  const double seconds = absl::ToDoubleSeconds(to.time - from.time);
  const auto steps = static_cast<double>(to.step - from.step);
  const double micro_batches =
      steps * options.workers * options.micro_batches_per_worker;
  result->measured_seconds = seconds;
  result->seconds_per_step = seconds / steps;
  result->efficiency = micro_batches / seconds / CapacityOf(options);
  const auto messages =
      static_cast<double>(to.scheduler.messages - from.scheduler.messages);
  result->scheduler_messages_per_second = messages / seconds;
  result->scheduler_microseconds_per_message =
      1e6 *
      (to.scheduler.processor_seconds - from.scheduler.processor_seconds) /
      messages;
}

class Run {
 public:
  Run(const ScaleOptions& options, const Setup& setup, const std::string& root,
      std::ostream* trace)
      : options_(options),
        setup_(setup),
        reference_(ReferenceOf(options)),
        log_(&timeline_, trace),
        world_({&timeline_, &log_, &stacks_}),
        invariants_(&reference_),
        network_(world_, setup.network,
                 SeededRandom(setup.seed, SeededRandom::Purpose::kNetwork)),
        cluster_(world_, setup_, &network_, &invariants_, root + "/data",
                 root + "/output") {}
  ~Run() {
    network_.Close();
    timeline_.Clear();
  }

  void Go(ScaleResult* result) {
    for (const Fault& fault : setup_.faults) {
      timeline_.After(fault.at, [this, &fault] { cluster_.Begin(fault); });
      if (fault.lasts == absl::ZeroDuration()) continue;
      timeline_.After(fault.at + fault.lasts,
                      [this, &fault] { cluster_.End(fault); });
    }
    cluster_.Start();
    std::optional<Moment> from, to;
    while (!invariants_.ended() && !invariants_.failure().has_value()) {
      if (!timeline_.RunNext()) invariants_.Fail("nothing is left to happen");
      if (timeline_.elapsed() > setup_.patience) {
        if (options_.failures_per_minute == 0) {
          invariants_.Fail(absl::StrCat("the job does not end: ",
                                        invariants_.job().ShortDebugString()));
        }
        break;
      }
      const uint64_t step = invariants_.job().step();
      const auto moment = [&] {
        return Moment{step, timeline_.elapsed(), cluster_.scheduler_meter()};
      };
      if (!from.has_value() && step >= options_.steps / 3) from = moment();
      if (!to.has_value() && step >= options_.steps - 2) to = moment();
    }
    result->failure = invariants_.failure();
    if (!result->failure.has_value() && invariants_.ended() &&
        invariants_.job().state() != SUCCEEDED) {
      result->failure = invariants_.job().reason();
    }
    result->incarnations = invariants_.incarnations();
    result->events = timeline_.executed();
    if (!result->failure.has_value() && to.has_value()) {
      Measure(options_, *from, *to, result);
    }
  }

  const JobStatus& job() const { return invariants_.job(); }

 private:
  const ScaleOptions options_;
  const Setup setup_;
  const Reference reference_;
  StackPool stacks_;
  Timeline timeline_;
  EventLog log_;
  const World world_;
  Invariants invariants_;
  Network network_;
  Cluster cluster_;
};

}  // namespace

ScaleResult RunScale(const ScaleOptions& options, const std::string& directory,
                     bool audit, std::ostream* trace) {
  ScaleResult result;
  auto setup = ScaleSetup(options);
  if (!setup.ok()) {
    result.failure = setup.status().ToString();
    return result;
  }
  setup->spec.mutable_synchronisation()->set_audit(audit);
  std::string root = directory + "/hawser-scale-XXXXXX";
  PCHECK(mkdtemp(root.data()) != nullptr) << root;
  std::filesystem::create_directory(root + "/data");
  std::filesystem::create_directory(root + "/output");
  WriteTinyData(root + "/data", TrainingSamplesOf(options),
                /*validation_samples=*/0);
  const auto start = std::chrono::steady_clock::now();
  {
    Run run(options, *setup, root, trace);
    run.Go(&result);
    if (audit && !result.failure.has_value()) {
      result.failure = AuditHistory(root + "/output", run.job(), trace);
    }
  }
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  result.real_seconds = seconds.count();
  std::error_code ignored;
  std::filesystem::remove_all(root, ignored);
  return result;
}

}  // namespace hawser::simulation
