// Whole jobs on virtual time whose synchronisation is changed on the way.
#include <vector>

#include "gtest/gtest.h"
#include "server/state/lease_model_test_support.h"

namespace hawser {
namespace {

ModelJob Job(const SchedulingSpec& scheduling) {
  ModelJob job;
  job.micro_batches = 8;
  job.optimizer_steps = 60;
  job.steps_per_epoch = 7;
  job.blocks = 2;
  job.validation_chunks = 6;
  job.phases = {PhaseFrom(0, ASYNCHRONOUS)};
  job.scheduling = scheduling;
  return job;
}

ModelOptions Options() {
  ModelOptions options;
  options.message_seconds = 0.05;
  options.chunk_seconds = 0.3;
  return options;
}

TEST(LeasesOfAChangingJobTest, AsynchronousThenSynchronousThenBounded) {
  for (const SchedulingSpec& scheduling :
       {Static(), Dynamic(ROUND_ROBIN), Dynamic(LEAST_LOAD),
        Dynamic(ADAPTIVE)}) {
    // Wherever in a step, an epoch or a validation pass it happens.
    for (int i = 0; i < 40; ++i) {
      SCOPED_TRACE(testing::Message() << scheduling.ShortDebugString() << i);
      LeaseModel model(Job(scheduling), {1, 1, 0.5}, Options());
      model.At(20 + 0.37 * i, [&] {
        model.Change(PhaseFrom(0, SYNCHRONOUS).synchronisation());
      });
      model.At(80 + 0.61 * i, [&] {
        model.Change(PhaseFrom(0, BOUNDED_STALENESS, 1).synchronisation());
      });
      model.Run();
      EXPECT_EQ(model.Steps(), 60u);
    }
  }
}

TEST(LeasesOfAChangingJobTest, WithLocalStepsThereAreFewerSteps) {
  for (const SchedulingSpec& scheduling : {Static(), Dynamic(ADAPTIVE)}) {
    for (const UpdateMode mode :
         {SYNCHRONOUS, ASYNCHRONOUS, BOUNDED_STALENESS}) {
      ModelJob job = Job(scheduling);
      // An epoch of 7 is 3 steps; then 7; then 2.
      job.phases = {PhaseFrom(0, mode, 0, 0, /*local_steps=*/3),
                    PhaseFrom(6, mode, 1, 0, /*local_steps=*/1)};
      LeaseModel model(job, {1, 1, 0.5}, Options());
      model.At(100, [&] {
        model.Change(PhaseFrom(0, SYNCHRONOUS, 0, 0, /*local_steps=*/4)
                         .synchronisation());
      });
      model.Run();
      EXPECT_LT(model.Steps(), 60u);
    }
  }
}

TEST(LeasesOfAChangingJobTest, WorkersAreLostAndJoinAcrossPhases) {
  for (const SchedulingSpec& scheduling : {Static(), Dynamic(ADAPTIVE)}) {
    for (int i = 0; i < 40; ++i) {
      SCOPED_TRACE(testing::Message() << scheduling.ShortDebugString() << i);
      ModelJob job = Job(scheduling);
      job.phases = {PhaseFrom(0, ASYNCHRONOUS), PhaseFrom(7, SYNCHRONOUS),
                    PhaseFrom(14, BOUNDED_STALENESS, 0),
                    PhaseFrom(21, SYNCHRONOUS)};
      ModelOptions options = Options();
      options.detection_seconds = 1;
      LeaseModel model(job, {1, 1, 0.5}, options);
      for (int loss = 1; loss <= 4; ++loss) {
        model.At(20 * loss + 0.53 * i, [&] { model.Lose(model.Nodes()[0]); });
        model.At(20 * loss + 0.53 * i + 5, [&] { model.Join(1); });
      }
      model.Run();
    }
  }
}

}  // namespace
}  // namespace hawser
