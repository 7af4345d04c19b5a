#include "common/job/job_rules.h"

#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

constexpr char kGood[] = R"pb(
  name: "a-job"
  model { mlp { layer_sizes: [ 784, 128, 10 ] } }
  data { idx {} }
  optimizer { adam {} }
  learning_rate { base: 0.001 }
  schedule { epochs: 10 global_batch: 64 }
)pb";

absl::StatusOr<JobSpec> Complete(const std::string& more) {
  JobSpec spec, change;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kGood, &spec));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(more, &change))
      << more;
  spec.MergeFrom(change);
  return CompleteJob(spec);
}

TEST(JobRulesTest, DefaultsAreFilledInAndCompletingAgainChangesNothing) {
  const auto job = Complete("");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->schedule().micro_batches(), 8u);
  EXPECT_EQ(job->optimizer().adam().beta2(), 0.999);
  EXPECT_EQ(job->placement().block_elements(), 262144u);
  EXPECT_EQ(job->placement().policy(), BY_BLOCK);
  EXPECT_EQ(job->data().partition(), RANDOM);
  EXPECT_EQ(job->resources().workers(), 1u);
  EXPECT_EQ(job->checkpoint().directory(), "a-job");
  const auto again = CompleteJob(*job);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*job, *again));
}

TEST(JobRulesTest, GuardsStopUnlessToldOtherwise) {
  EXPECT_EQ(Complete("")->guards().not_finite(), STOP);
  EXPECT_EQ(Complete("guards { not_finite: SKIP_STEP }")->guards().not_finite(),
            SKIP_STEP);
  EXPECT_EQ(Complete("guards { recompute_every: 1048576 }")
                ->guards()
                .recompute_every(),
            1048576u);
  for (const std::string wrong :
       {"guards { recompute_every: 1048577 }",
        "guards { recompute_every: 9 } scheduling { policy: DYNAMIC }",
        "guards { recompute_every: 9 } synchronisation { mode: ASYNCHRONOUS }",
        "guards { not_finite: 7 }"}) {
    const auto job = Complete(wrong);
    EXPECT_EQ(job.status().code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_THAT(job.status().message(), HasSubstr("guards.")) << wrong;
  }
}

TEST(JobRulesTest, EveryPartitionIsKept) {
  for (const Partition partition : {BY_SAMPLE, BY_CLASS, RANDOM}) {
    const auto job =
        Complete("data { partition: " + Partition_Name(partition) + " }");
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(job->data().partition(), partition);
  }
}

TEST(JobRulesTest, AJobStartsFromADirectory) {
  for (const std::string from :
       {"model: '/models/gpt2'", "model: 'gpt2'", "checkpoint: 'another'",
        "checkpoint: 'a-job/step-3'"}) {
    const auto job = Complete("from { " + from + " }");
    EXPECT_TRUE(job.ok()) << job.status();
  }
}

struct Bad {
  const char* change;
  const char* message;
};

class BadJobTest : public testing::TestWithParam<Bad> {};

TEST_P(BadJobTest, IsRefusedByName) {
  const auto job = Complete(GetParam().change);
  ASSERT_FALSE(job.ok());
  EXPECT_THAT(std::string(job.status().message()),
              HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadJobTest,
    testing::Values(
        Bad{"name: 'Big'", "name is \"Big\""},
        Bad{"model { mlp { layer_sizes: 0 } }", "entry 0"},
        Bad{"model { mlp { layer_sizes: 2000000 } }", "entry 2000000"},
        Bad{"model { mlp { dropout: 1 } }", "model.mlp.dropout is 1"},
        Bad{"model { mlp { dropout: nan } }", "model.mlp.dropout is nan"},
        Bad{"data { idx { directory: 'a/../b' } }", "data.idx.directory"},
        Bad{"optimizer { sgd { nesterov: true } }", "nesterov needs"},
        Bad{"optimizer { adam { beta1: 1 } }", "optimizer.adam.beta1 is 1"},
        Bad{"optimizer { weight_decay: -1 }", "optimizer.weight_decay is -1"},
        Bad{"optimizer { clip_global_norm: inf }", "clip_global_norm is inf"},
        Bad{"learning_rate { base: nan }", "learning_rate.base is nan"},
        Bad{"learning_rate { base: -1 }", "learning_rate.base is -1"},
        Bad{"learning_rate { step { factor: 0.5 } }", "exactly one of"},
        Bad{"schedule { steps: 5 }", "exactly one of epochs and steps"},
        Bad{"schedule { global_batch: 4000000 }", "schedule.global_batch"},
        Bad{"schedule { micro_batches: 7 }", "must divide"},
        Bad{"synchronisation { mode: ASYNCHRONOUS staleness: 3 }",
            "need mode BOUNDED_STALENESS"},
        Bad{"synchronisation { mode: BOUNDED_STALENESS staleness: 3 "
            "staleness_seconds: 1 }",
            "use one"},
        Bad{"synchronisation { mode: BOUNDED_STALENESS staleness_seconds: -1 }",
            "staleness_seconds is -1"},
        Bad{"synchronisation { scale_by_staleness: true }",
            "scale_by_staleness needs"},
        Bad{"synchronisation { local_steps: 100000 }", "local_steps is 100000"},
        Bad{"synchronisation { outer { momentum: 0.9 } }", "local_steps above"},
        Bad{"synchronisation { local_steps: 2 outer { nesterov: true } }",
            "outer.nesterov needs"},
        Bad{"placement { block_elements: 10 }", "block_elements is 10"},
        Bad{"scheduling { leases: ADAPTIVE }", "need policy DYNAMIC"},
        Bad{"scheduling { policy: DYNAMIC leases: 9 }", "leases is 9"},
        Bad{"checkpoint { every_steps: 1 every_epochs: 1 }", "use one"},
        Bad{"checkpoint { every_steps: 1 every_seconds: 1 }", "use one"},
        Bad{"checkpoint { every_seconds: nan }", "every_seconds is nan"},
        Bad{"checkpoint { every_seconds: 0.01 }", "every_seconds is 0.01"},
        Bad{"checkpoint { every_seconds: -1 }", "every_seconds is -1"},
        Bad{"checkpoint { keep_last: 501 }", "checkpoint.keep_last is 501"},
        Bad{"checkpoint { keep_every_steps: 5 }", "needs keep_last"},
        Bad{"resources { workers: 1000000000 }",
            "resources.workers is 1000000000; the most is 10000"},
        Bad{"resources { servers: 5000 }", "resources.servers is 5000"},
        Bad{"model { mlp { activation: 77 } }", "model.mlp.activation is 77"},
        Bad{"model { mlp { initialisation: 9 } }", "initialisation is 9"},
        Bad{"data { partition: 77 }", "data.partition is 77"},
        Bad{"synchronisation { mode: 77 }", "synchronisation.mode is 77"},
        Bad{"placement { policy: 77 }", "placement.policy is 77"},
        Bad{"scheduling { policy: 9 }", "scheduling.policy is 9"},
        Bad{"learning_rate { base: 1e300 }", "learning_rate.base is 1e+300"},
        Bad{"optimizer { weight_decay: 1e31 }", "weight_decay is 1e+31"},
        Bad{"learning_rate { cosine { final_ratio: 1.01 } }", "final_ratio"},
        Bad{"checkpoint { every_epochs: 18446744073709551615 }",
            "every_epochs are at most"},
        Bad{"from {}", "from needs one of model and checkpoint"},
        Bad{"from { model: '' }", "from.model is empty"},
        Bad{"from { model: 'a/../../b' }", "from.model is a/../../b"},
        Bad{"from { checkpoint: '..' }", "from.checkpoint is .."},
        Bad{"from { checkpoint: './a-job/' }", "its own checkpoints"},
        Bad{"limits { max_seconds: -3 }", "limits.max_seconds is -3"}));

// Scheduling is the job's, the mode may change.
TEST(JobRulesTest, WorkIsLeasedIfDynamicOrNotSynchronous) {
  const auto with_static = Complete("");
  const auto with_dynamic = Complete("scheduling { policy: DYNAMIC }");
  ASSERT_TRUE(with_static.ok());
  ASSERT_TRUE(with_dynamic.ok());
  for (const UpdateMode mode : {SYNCHRONOUS, BOUNDED_STALENESS, ASYNCHRONOUS}) {
    SynchronisationSpec spec;
    spec.set_mode(mode);
    EXPECT_EQ(UsesLeases(with_static->scheduling(), spec), mode != SYNCHRONOUS);
    EXPECT_TRUE(UsesLeases(with_dynamic->scheduling(), spec));
  }
}

TEST(JobRulesTest, TheLastStepOfAnEpochMayBeSmaller) {
  const auto job = Complete("");
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(StepsPerEpoch(*job, 60000), 938u);
  EXPECT_EQ(StepsPerEpoch(*job, 64), 1u);
  EXPECT_EQ(TotalSteps(*job, 60000), 9380u);
}

}  // namespace
}  // namespace hawser
