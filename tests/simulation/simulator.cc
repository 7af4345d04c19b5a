#include "tests/simulation/simulator.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "tests/simulation/audit_history.h"
#include "tests/simulation/checkpoint_check.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/event_log.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"
#include "tests/simulation/seeded_random.h"
#include "tests/simulation/timeline.h"
#include "tests/simulation/tiny_data.h"

namespace hawser::simulation {
namespace {

// A job that has ended is watched for so long: it must not change.
constexpr absl::Duration kAftermath = absl::Seconds(3);
// Of every so many steps the reference has what a checkpoint holds.
constexpr uint64_t kReferenceSteps = 4;
// More than any run takes.
constexpr uint64_t kMaxEvents = 20'000'000;

std::optional<std::string> JudgeEnd(const Setup& setup, const JobStatus& job) {
  for (const Setup::End& end : setup.ends) {
    if (job.state() == end.state &&
        absl::StrContains(job.reason(), end.because)) {
      return std::nullopt;
    }
  }
  return absl::StrCat("the job ended as ", JobState_Name(job.state()), ": ",
                      job.reason());
}

absl::Duration EndOfFaults(const Setup& setup) {
  absl::Duration end;
  for (const Fault& fault : setup.faults) {
    end = std::max(end, fault.at + fault.lasts + absl::AbsDuration(fault.jump));
  }
  return end;
}

void ScheduleFaults(const Setup& setup, Timeline* timeline, Cluster* cluster,
                    uint64_t* begun) {
  for (const Fault& fault : setup.faults) {
    timeline->After(fault.at, [&fault, cluster, begun] {
      ++*begun;
      cluster->Begin(fault);
    });
    if (fault.lasts == absl::ZeroDuration()) continue;
    timeline->After(fault.at + fault.lasts,
                    [&fault, cluster] { cluster->End(fault); });
  }
}

}  // namespace

std::string FastTemporaryDirectory() {
  if (std::filesystem::is_directory("/dev/shm")) return "/dev/shm";
  return std::filesystem::temp_directory_path();
}

Simulator::Simulator(const std::string& directory) {
  root_ = directory + "/hawser-simulation-XXXXXX";
  PCHECK(mkdtemp(root_.data()) != nullptr) << root_;
  std::filesystem::create_directory(root_ + "/data");
  WriteTinyData(root_ + "/data");
}

Simulator::~Simulator() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

Outcome Simulator::Run(const Setup& setup, std::ostream* trace) {
  if (HasOneResult(setup)) {
    return RunOnce(setup, ReferenceOf(setup.spec), trace, nullptr);
  }
  JobSpec synchronous = setup.spec;
  synchronous.clear_synchronisation();
  Reference reference;
  reference.has_one_result = false;
  reference.end = ReferenceOf(synchronous)->end;
  return RunOnce(setup, &reference, trace, nullptr);
}

const Reference* Simulator::ReferenceOf(const JobSpec& spec) {
  Setup setup;
  setup.spec = spec;
  // What no result depends on.
  setup.spec.mutable_placement()->clear_policy();
  setup.spec.clear_resources();
  setup.spec.clear_checkpoint();
  setup.spec.mutable_checkpoint()->set_every_steps(kReferenceSteps);
  setup.spec.clear_limits();
  setup.spec.clear_scheduling();
  setup.spec.mutable_synchronisation()->clear_audit();
  const std::string key = setup.spec.SerializeAsString();
  const auto known = references_.find(key);
  if (known != references_.end()) return &known->second;
  Reference reference;
  const Outcome outcome = RunOnce(setup, nullptr, nullptr, &reference);
  CHECK(!outcome.failure.has_value()) << "without faults: " << *outcome.failure;
  return &(references_[key] = std::move(reference));
}

Outcome Simulator::RunOnce(const Setup& setup, const Reference* reference,
                           std::ostream* trace, Reference* recorded) {
  const std::string output = root_ + "/output";
  std::filesystem::create_directory(output);
  Outcome outcome;
  Timeline timeline;
  EventLog log(&timeline, trace);
  const World world = {&timeline, &log, &stacks_};
  Invariants invariants(reference);
  std::vector<JournalEvent> journal;
  {
    Network network(world, setup.network,
                    SeededRandom(setup.seed, SeededRandom::Purpose::kNetwork));
    Cluster cluster(world, setup, &network, &invariants, root_ + "/data",
                    output);
    ScheduleFaults(setup, &timeline, &cluster, &outcome.faults);
    cluster.Start();
    const absl::Duration limit = EndOfFaults(setup) + setup.patience;
    std::optional<absl::Duration> end;
    while (!invariants.failure().has_value()) {
      if (!end.has_value() && invariants.ended()) {
        end = timeline.elapsed() + kAftermath;
        outcome.virtual_time = timeline.elapsed();
      }
      if (end.has_value() && timeline.elapsed() > *end) break;
      if (timeline.elapsed() > limit && !end.has_value()) {
        invariants.Fail(absl::StrCat(
            "the job has not ended ", absl::FormatDuration(setup.patience),
            " after the last fault: ", invariants.job().ShortDebugString()));
      }
      if (!timeline.RunNext()) invariants.Fail("nothing is left to happen");
      if (timeline.executed() > kMaxEvents) {
        invariants.Fail("more events than a run can take");
      }
    }
    outcome.hash = log.hash();
    outcome.events = timeline.executed();
    journal = cluster.journal();
    network.Close();
    timeline.Clear();
  }
  outcome.job = invariants.job();
  outcome.incarnations = invariants.incarnations();
  outcome.roll_backs = invariants.roll_backs();
  outcome.failure = invariants.failure();
  if (!outcome.failure.has_value()) {
    outcome.failure = JudgeEnd(setup, outcome.job);
  }
  if (recorded != nullptr) {
    *recorded = invariants.TakeReference();
    recorded->checkpoints = ReadCheckpointTensors(output);
  }
  if (!outcome.failure.has_value() && recorded == nullptr) {
    outcome.failure = CheckCheckpoints(output, journal, outcome.job, reference);
  }
  if (!outcome.failure.has_value() && setup.spec.synchronisation().audit()) {
    outcome.failure = AuditHistory(output, outcome.job, trace);
  }
  std::error_code ignored;
  std::filesystem::remove_all(output, ignored);
  return outcome;
}

}  // namespace hawser::simulation
