#include "tests/simulation/random_setup.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/simulation/fault_schedule.h"
#include "tests/simulation/random_job.h"
#include "tests/simulation/seeded_random.h"

namespace hawser::simulation {
namespace {

void DrawNetwork(SeededRandom* random, Network::Conditions* network) {
  network->least_delay =
      random->Between(absl::Microseconds(50), absl::Microseconds(500));
  network->most_delay =
      network->least_delay +
      random->Between(absl::Microseconds(50), absl::Milliseconds(3));
  if (random->Chance(0.5)) network->late = 0.01;
  if (random->Chance(0.6)) network->lost = 0.01;
  if (random->Chance(0.6)) network->repeated = 0.02;
  if (random->Chance(0.5)) network->broken = 0.0003;
}

void DrawScheduling(SeededRandom* random, JobSpec* spec) {
  if (random->Chance(0.5)) return;
  const LeasePolicy policies[] = {ROUND_ROBIN, LEAST_LOAD, ADAPTIVE};
  spec->mutable_scheduling()->set_policy(DYNAMIC);
  spec->mutable_scheduling()->set_leases(policies[random->Below(3)]);
  spec->mutable_scheduling()->set_no_backups(random->Chance(0.2));
}

// Where pushes are applied on arrival.
void DrawMode(SeededRandom* random, SynchronisationSpec* spec) {
  spec->set_mode(random->Chance(0.3) ? ASYNCHRONOUS : BOUNDED_STALENESS);
  spec->set_scale_by_staleness(random->Chance(0.3));
  if (spec->mode() == ASYNCHRONOUS) return;
  if (random->Chance(0.3)) {
    spec->set_staleness_seconds(random->Chance(0.5) ? 0.01 : 0.1);
  } else {
    spec->set_staleness(static_cast<uint32_t>(random->Below(4)));
  }
}

// Changes of a running job.
void DrawChanges(SeededRandom* random, absl::Duration window,
                 std::vector<Fault>* faults) {
  const char* const changes[] = {
      "mode: ASYNCHRONOUS",
      "mode: SYNCHRONOUS",
      "mode: BOUNDED_STALENESS staleness: 0",
      "mode: BOUNDED_STALENESS staleness: 2",
      "mode: BOUNDED_STALENESS staleness_seconds: 0.05",
      "mode: SYNCHRONOUS local_steps: 3",
      "local_steps: 1",
  };
  for (uint64_t i = 1 + random->Below(4); i > 0; --i) {
    Fault fault;
    fault.kind = Fault::Kind::kSet;
    fault.at = absl::Floor(random->Between(absl::ZeroDuration(), window),
                           absl::Milliseconds(1));
    fault.target = changes[random->Below(std::size(changes))];
    faults->push_back(fault);
  }
}

// After all else, whose draws they leave as they are.
void DrawCheckpoints(SeededRandom* random, absl::Duration window,
                     Setup* setup) {
  CheckpointSpec* spec = setup->spec.mutable_checkpoint();
  if (random->Chance(0.5)) {
    spec->clear_every_steps();
    if (random->Chance(0.5)) {
      spec->set_every_steps(4 + 4 * random->Below(12));
    } else {
      spec->set_every_seconds(0.1 +
                              0.1 * static_cast<double>(random->Below(30)));
    }
  }
  if (random->Chance(0.5)) {
    spec->set_keep_last(1 + static_cast<uint32_t>(random->Below(3)));
  }
  if (spec->keep_last() != 0 && random->Chance(0.3)) {
    spec->set_keep_every_steps(1 + random->Below(50));
  }
  for (uint64_t i = random->Below(4); i > 0; --i) {
    Fault fault;
    fault.kind = random->Chance(0.5) ? Fault::Kind::kSlowOutput
                                     : Fault::Kind::kFillOutput;
    fault.at = absl::Floor(random->Between(absl::ZeroDuration(), window),
                           absl::Milliseconds(1));
    fault.lasts =
        absl::Floor(random->Between(absl::Milliseconds(1), 2 * setup->lease),
                    absl::Milliseconds(1));
    if (fault.kind == Fault::Kind::kSlowOutput) {
      fault.amount = static_cast<double>(random->Between(int64_t{2}, 50));
    }
    setup->faults.push_back(fault);
  }
}

// None of them changes the result of a job that is well.
void DrawGuards(SeededRandom* random, bool is_synchronous, JobSpec* spec) {
  if (random->Chance(0.2)) spec->mutable_guards()->set_not_finite(SKIP_STEP);
  if (is_synchronous && spec->scheduling().policy() != DYNAMIC &&
      random->Chance(0.3)) {
    spec->mutable_guards()->set_recompute_every(3);
  }
}

// Members that are to go, and may stay after all, and jobs that are to be on
// more or fewer servers.
void DrawMoves(const Setup& setup, SeededRandom* random, absl::Duration window,
               std::vector<Fault>* faults) {
  for (uint64_t i = 1 + random->Below(4); i > 0; --i) {
    Fault fault;
    fault.at = absl::Floor(random->Between(absl::ZeroDuration(), window),
                           absl::Milliseconds(1));
    if (random->Chance(0.4)) {
      fault.kind = Fault::Kind::kSet;
      fault.target =
          absl::StrCat("servers: ", 1 + random->Below(setup.servers));
    } else {
      fault.kind = Fault::Kind::kDrain;
      fault.target =
          random->Chance(0.7)
              ? absl::StrCat("server ", 1 + random->Below(setup.servers))
              : absl::StrCat("worker ", 1 + random->Below(setup.workers));
    }
    faults->push_back(fault);
    if (fault.kind == Fault::Kind::kSet) continue;
    // A job that has not begun may need it.
    fault.kind = Fault::Kind::kDrainNoMore;
    fault.at += absl::Floor(random->Between(absl::ZeroDuration(), window),
                            absl::Milliseconds(1));
    faults->push_back(fault);
  }
}

// Each block on two servers, of which one may be lost at any moment.
void DrawReplicas(SeededRandom* random, absl::Duration window, Setup* setup) {
  setup->spec.mutable_resources()->set_replicas(2);
  setup->spec.mutable_resources()->set_servers(
      std::max(2u, setup->spec.resources().servers()));
  // As long as steps take, or longer: replicas are filled while they are made.
  if (random->Chance(0.5)) {
    setup->network.most_block_delay =
        random->Between(absl::Milliseconds(1), absl::Milliseconds(200));
  }
  for (uint64_t i = 1 + random->Below(3); i > 0; --i) {
    Fault fault;
    fault.kind =
        random->Chance(0.7) ? Fault::Kind::kCrash : Fault::Kind::kPause;
    fault.target = absl::StrCat("server ", 1 + random->Below(setup->servers));
    fault.at = absl::Floor(random->Between(absl::ZeroDuration(), window),
                           absl::Milliseconds(1));
    fault.lasts =
        absl::Floor(random->Between(absl::Milliseconds(1), 2 * setup->lease),
                    absl::Milliseconds(1));
    setup->faults.push_back(fault);
  }
}

}  // namespace

Setup RandomSetup(uint64_t seed, const RandomSetupOptions& options) {
  SeededRandom random(seed, SeededRandom::Purpose::kSetup);
  Setup setup;
  setup.seed = seed;
  setup.workers = static_cast<uint32_t>(random.Between(int64_t{1}, 4));
  setup.servers = static_cast<uint32_t>(random.Between(int64_t{1}, 3));
  setup.spec = RandomJob(random.Below(kRandomJobs), options.steps);
  setup.spec.mutable_placement()->set_policy(random.Chance(0.5) ? BY_LAYER
                                                                : BY_BLOCK);
  if (random.Chance(0.7)) {
    setup.spec.mutable_checkpoint()->set_every_steps(
        1 + options.steps / 30 + random.Below(options.steps / 2));
  }
  // Sometimes fewer than there are: the rest stand by.
  setup.spec.mutable_resources()->set_workers(static_cast<uint32_t>(
      random.Chance(0.7) ? setup.workers : 1 + random.Below(setup.workers)));
  setup.spec.mutable_resources()->set_servers(static_cast<uint32_t>(
      random.Chance(0.7) ? setup.servers : 1 + random.Below(setup.servers)));
  DrawScheduling(&random, &setup.spec);
  const bool is_synchronous = random.Chance(0.5);
  const bool changes = random.Chance(0.2);
  if (!is_synchronous) {
    DrawMode(&random, setup.spec.mutable_synchronisation());
    if (random.Chance(0.2)) {
      DataPlaneSpec* data_plane = setup.spec.mutable_data_plane();
      data_plane->mutable_push()->set_codec(random.Chance(0.5) ? "top_k"
                                                               : "one_bit");
      data_plane->clear_sums_per_step();
    }
  }
  if (setup.spec.synchronisation().staleness_seconds() > 0 || changes) {
    // A micro-batch an exchange may be all that the window allows.
    setup.patience = absl::Minutes(10);
  }
  setup.spec.mutable_synchronisation()->set_audit(!is_synchronous || changes ||
                                                  random.Chance(0.3));
  setup.heartbeat =
      random.Between(absl::Milliseconds(200), absl::Milliseconds(1000));
  setup.lease = setup.heartbeat * random.Between(int64_t{4}, 6);
  setup.compute = random.Between(absl::Milliseconds(5), absl::Milliseconds(40));
  // From with almost every event to never.
  setup.compact_bytes = uint64_t{1000} << (seed % 12);
  setup.journal_write =
      random.Between(absl::Microseconds(100), absl::Milliseconds(5));
  DrawNetwork(&random, &setup.network);
  const bool gentle = random.Chance(0.6);

  SeededRandom fault_random(seed, SeededRandom::Purpose::kFaults);
  FaultScheduleOptions schedule;
  schedule.workers = setup.workers;
  schedule.servers = setup.servers;
  schedule.faults = options.faults;
  schedule.lease = setup.lease;
  schedule.window = static_cast<double>(options.steps) * setup.compute;
  schedule.gentle = gentle;
  setup.faults = DrawFaults(schedule, &fault_random);
  if (changes) DrawChanges(&fault_random, schedule.window, &setup.faults);
  DrawCheckpoints(&fault_random, schedule.window, &setup);
  DrawGuards(&random, is_synchronous, &setup.spec);
  // A worker on its own computes some of its micro-batches twice.
  if (setup.spec.guards().recompute_every() != 0) {
    setup.patience = std::max(setup.patience, absl::Minutes(5));
  }
  if (fault_random.Chance(0.4)) {
    DrawMoves(setup, &fault_random, schedule.window, &setup.faults);
  }
  if (setup.servers > 1 && fault_random.Chance(0.5)) {
    DrawReplicas(&fault_random, schedule.window, &setup);
  }
  return setup;
}

}  // namespace hawser::simulation
