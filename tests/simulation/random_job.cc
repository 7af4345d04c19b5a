#include "tests/simulation/random_job.h"

#include <vector>

#include "glog/logging.h"
#include "tests/simulation/seeded_random.h"
#include "tests/simulation/tiny_data.h"

namespace hawser::simulation {
namespace {

void SetOptimizer(SeededRandom* random, OptimizerSpec* optimizer) {
  switch (random->Below(5)) {
    case 0:
      optimizer->mutable_sgd();
      break;
    case 1:
      optimizer->mutable_sgd()->set_momentum(0.9);
      optimizer->mutable_sgd()->set_nesterov(random->Chance(0.5));
      break;
    case 2:
      optimizer->mutable_adam();
      break;
    case 3:
      optimizer->mutable_adamw();
      break;
    default:
      optimizer->mutable_adagrad();
      break;
  }
  if (random->Chance(0.3)) optimizer->set_weight_decay(0.01);
  if (random->Chance(0.4)) optimizer->set_clip_global_norm(0.3);
}

void SetModel(SeededRandom* random, MlpSpec* mlp) {
  // 2 to 6 blocks of at most 256 parameters.
  const std::vector<std::vector<uint32_t>> hidden = {
      {8}, {64}, {8, 6}, {6, 5, 4}, {60, 12}};
  mlp->add_layer_sizes(kFeatures);
  for (const uint32_t units : hidden[random->Below(hidden.size())]) {
    mlp->add_layer_sizes(units);
  }
  mlp->add_layer_sizes(kClasses);
  if (random->Chance(0.3)) mlp->set_dropout(0.2);
}

// Those with which a job has one result.
void SetCodecs(SeededRandom* random, uint32_t micro_batches,
               DataPlaneSpec* data_plane) {
  const char* const codecs[] = {"none", "none", "none", "bf16", "fp16", "int8"};
  data_plane->mutable_push()->set_codec(codecs[random->Below(6)]);
  data_plane->mutable_pull()->set_codec(codecs[random->Below(6)]);
  if (data_plane->push().codec() == "none") return;
  uint32_t sums = 1;
  while (sums < micro_batches && random->Chance(0.6)) sums *= 2;
  data_plane->set_sums_per_step(sums);
}

}  // namespace

JobSpec RandomJob(uint64_t number, uint64_t steps) {
  CHECK_LT(number, kRandomJobs);
  SeededRandom random(number, SeededRandom::Purpose::kSetup);
  JobSpec spec;
  spec.set_name("job");
  spec.set_seed(number);
  SetModel(&random, spec.mutable_model()->mutable_mlp());
  spec.mutable_data()->mutable_idx();
  SetOptimizer(&random, spec.mutable_optimizer());
  spec.mutable_learning_rate()->set_base(0.02);
  if (random.Chance(0.3)) spec.mutable_learning_rate()->mutable_cosine();
  ScheduleSpec* schedule = spec.mutable_schedule();
  schedule->set_steps(steps);
  const uint32_t micro_batches[] = {1, 2, 3, 4, 4, 6, 8, 8};
  schedule->set_micro_batches(micro_batches[random.Below(8)]);
  schedule->set_global_batch(
      schedule->micro_batches() *
      static_cast<uint32_t>(
          random.Between(int64_t{1}, int64_t{24} / schedule->micro_batches())));
  spec.mutable_placement()->set_block_elements(256);
  if (random.Chance(0.2)) {
    SynchronisationSpec* synchronisation = spec.mutable_synchronisation();
    synchronisation->set_local_steps(2 +
                                     static_cast<uint32_t>(random.Below(5)));
    if (random.Chance(0.5)) {
      synchronisation->mutable_outer()->set_momentum(0.9);
      synchronisation->mutable_outer()->set_nesterov(random.Chance(0.5));
    }
  }
  SetCodecs(&random, schedule->micro_batches(), spec.mutable_data_plane());
  const Partition partitions[] = {RANDOM, RANDOM, BY_SAMPLE, BY_CLASS};
  spec.mutable_data()->set_partition(partitions[random.Below(4)]);
  return spec;
}

}  // namespace hawser::simulation
