// Random jobs on random clusters, whose workers are lost, join, pause and start
// over, whose synchronisation is changed and whose block 0 moves; and of which
// checkpoints are made.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "gtest/gtest.h"
#include "server/state/lease_model_test_support.h"

namespace hawser {
namespace {

SynchronisationSpec RandomSynchronisation(Draws* draws) {
  const auto local_steps =
      static_cast<uint32_t>(draws->Chance(0.3) ? draws->Between(2, 3) : 1);
  Phase phase;
  switch (draws->Below(4)) {
    case 0:
      phase = PhaseFrom(0, SYNCHRONOUS, 0, 0, local_steps);
      break;
    case 1:
      phase = PhaseFrom(0, ASYNCHRONOUS, 0, 0, local_steps);
      break;
    case 2: {
      constexpr uint32_t kStaleness[] = {0, 1, 4};
      phase = PhaseFrom(0, BOUNDED_STALENESS, kStaleness[draws->Below(3)], 0,
                        local_steps);
      break;
    }
    default:
      phase = PhaseFrom(0, BOUNDED_STALENESS, 0, 0.5 + 3 * draws->Uniform(),
                        local_steps);
  }
  return phase.synchronisation();
}

ModelJob RandomJob(Draws* draws) {
  ModelJob job;
  job.micro_batches = static_cast<uint32_t>(draws->Between(1, 12));
  job.steps_per_epoch = draws->Between(1, 5);
  job.optimizer_steps = draws->Between(1, 20);
  job.blocks = static_cast<uint32_t>(draws->Between(1, 3));
  job.validation_chunks =
      draws->Chance(0.3) ? 0 : static_cast<uint32_t>(draws->Between(1, 9));
  if (draws->Chance(0.3)) {
    job.scheduling = Static();
  } else {
    constexpr LeasePolicy kPolicies[] = {ROUND_ROBIN, LEAST_LOAD, ADAPTIVE};
    job.scheduling = Dynamic(kPolicies[draws->Below(3)]);
    job.scheduling.set_no_backups(draws->Chance(0.3));
  }
  if (draws->Chance(0.5)) {
    if (draws->Chance(0.7)) {
      job.checkpoint.set_every_steps(draws->Between(1, 6));
    } else {
      job.checkpoint.set_every_epochs(draws->Between(1, 2));
    }
  }
  uint64_t from = 0;
  do {
    Phase phase;
    phase.set_from_step(from);
    *phase.mutable_synchronisation() = RandomSynchronisation(draws);
    job.phases.push_back(phase);
    from += draws->Between(1, 8);
  } while (draws->Chance(0.3));
  return job;
}

double RandomSpeed(Draws* draws) {
  constexpr double kSpeeds[] = {1, 1, 0.2, 0.05, 3};
  return kSpeeds[draws->Below(5)];
}

// Any one of the workers there are then.
uint64_t Anyone(const LeaseModel& model, uint64_t draw) {
  const std::vector<uint64_t> nodes = model.Nodes();
  return nodes[draw % nodes.size()];
}

void Disturb(LeaseModel* model, Draws* draws) {
  const double seconds = 60 * draws->Uniform();
  const uint64_t draw = draws->Below(1 << 20);
  const double speed = RandomSpeed(draws);
  switch (draws->Below(5)) {
    case 0:
      model->At(seconds, [=] {
        model->Lose(Anyone(*model, draw));
        if (model->Nodes().empty()) model->Join(speed);
      });
      break;
    case 1:
      model->At(seconds, [=] { model->Join(speed); });
      break;
    case 2:
      model->At(seconds, [=] { model->StartOver(Anyone(*model, draw)); });
      break;
    case 3:
      model->At(seconds, [=] { model->Pause(Anyone(*model, draw), 1000); });
      break;
    default: {
      const SynchronisationSpec changed = RandomSynchronisation(draws);
      model->At(seconds, [=] { model->Change(changed); });
    }
  }
}

// Returns how many checkpoints were ordered in time.
uint64_t RunSeed(uint64_t seed, bool prints) {
  SCOPED_TRACE(testing::Message()
               << "replay: LEASE_SEED=" << seed
               << " bazel test --test_env=LEASE_SEED "
                  "//server/state:micro_batch_leases_random_test");
  Draws draws(seed);
  uint64_t ordered = 0;
  const ModelJob job = RandomJob(&draws);
  std::vector<double> speeds;
  for (uint64_t i = draws.Between(1, 6); i != 0; --i) {
    speeds.push_back(RandomSpeed(&draws));
  }
  ModelOptions options;
  options.seed = seed;
  options.prints = prints;
  if (draws.Chance(0.7)) options.message_seconds = 0.3 * draws.Uniform();
  if (draws.Chance(0.7)) options.chunk_seconds = draws.Uniform();
  if (draws.Chance(0.7)) options.detection_seconds = 5 * draws.Uniform();
  if (draws.Chance(0.3)) options.repeat_probability = 0.2;
  if (draws.Chance(0.3)) options.forgets_probability = 0.05;
  if (draws.Chance(0.3)) options.loss_probability = 0.05;
  if (draws.Chance(0.3)) options.move_probability = 0.5;
  LeaseModel model(job, speeds, options);
  for (uint64_t i = draws.Below(8); i != 0; --i) Disturb(&model, &draws);
  for (uint64_t i = draws.Below(6); i != 0; --i) {
    const uint64_t ahead = draws.Between(1, 3);
    model.At(60 * draws.Uniform(), [&model, &ordered, ahead] {
      ordered += model.OrderCheckpoint(model.Steps() + ahead) ? 1 : 0;
    });
  }
  model.Run();
  return ordered;
}

TEST(RandomLeasesTest, EveryJobEndsAndEveryLeaseIsInOrder) {
  if (const char* seed = std::getenv("LEASE_SEED")) {
    RunSeed(std::strtoull(seed, nullptr, 10), /*prints=*/true);
    return;
  }
  uint64_t ordered = 0;
  for (uint64_t seed = 0; seed < 5000 && !HasFailure(); ++seed) {
    ordered += RunSeed(seed, /*prints=*/false);
  }
  EXPECT_TRUE(HasFailure() || ordered > 2000) << ordered << " were in time";
}

}  // namespace
}  // namespace hawser
