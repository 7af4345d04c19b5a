#include "common/job/rules/codec_rules.h"

#include <string>

#include "common/job/job_rules.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

JobSpec Job(const std::string& more) {
  JobSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
            name: "a-job"
            model { mlp { layer_sizes: [ 784, 128, 10 ] } }
            data { idx {} }
            optimizer { adam {} }
            learning_rate { base: 0.001 }
            schedule { epochs: 10 global_batch: 64 }
      )pb" +
          more,
      &spec))
      << more;
  return spec;
}

absl::StatusOr<JobSpec> Complete(const std::string& more) {
  return CompleteJob(Job(more));
}

TEST(CodecRulesTest, WithoutCodecsThereIsNothingToSet) {
  const auto job = Complete("");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->data_plane().push().codec(), "none");
  EXPECT_EQ(job->data_plane().pull().codec(), "none");
  EXPECT_EQ(job->data_plane().sums_per_step(), 0u);
}

TEST(CodecRulesTest, SumsPerStepAreTheWorkersRoundedUp) {
  for (const auto& [workers, sums] :
       {std::pair{0u, 1u}, {1u, 1u}, {2u, 2u}, {3u, 4u}, {5u, 8u}}) {
    const auto job =
        Complete("data_plane { push { codec: 'int8' } } resources { workers: " +
                 std::to_string(workers) + " }");
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(job->data_plane().sums_per_step(), sums);
  }
}

TEST(CodecRulesTest, SumsPerStepStayWhenOtherWorkersAreAskedFor) {
  JobSpec job =
      Job("data_plane { push { codec: 'bf16' } } resources { workers: 4 }");
  SetSumsPerStep(&job);
  job.mutable_resources()->set_workers(1);
  EXPECT_EQ(CompleteJob(job)->data_plane().sums_per_step(), 4u);
}

TEST(CodecRulesTest, EveryCodecPushesAndThoseWithoutResidualPull) {
  for (const std::string codec :
       {"none", "bf16", "fp16", "int8", "top_k", "one_bit"}) {
    EXPECT_TRUE(
        Complete("data_plane { push { codec: '" + codec + "' } }").ok());
    const auto pull =
        Complete("data_plane { pull { codec: '" + codec + "' } }");
    const bool keeps = codec == "top_k" || codec == "one_bit";
    EXPECT_EQ(pull.ok(), !keeps) << codec;
    if (keeps) {
      EXPECT_THAT(std::string(pull.status().message()),
                  HasSubstr("use \"bf16\""));
    }
  }
}

TEST(CodecRulesTest, EveryBrokenRuleIsNamed) {
  const std::pair<std::string, std::string> cases[] = {
      {"push { codec: 'int4' }", "data_plane.push.codec: there is no codec"},
      {"push { codec: 'int8' share: 0.1 }", "data_plane.push.share needs"},
      {"push { codec: 'top_k' share: 0.9 }", "data_plane.push.share is 0.9"},
      {"push { codec: 'int8' } sums_per_step: 3", "a power of two"},
      {"push { codec: 'int8' } sums_per_step: 2097152", "at most 1048576"},
      {"push { codec: 'one_bit' } sums_per_step: 2", "sums_per_step needs"},
      {"sums_per_step: 2", "sums_per_step needs"},
  };
  for (const auto& [spec, message] : cases) {
    const auto job = Complete("data_plane { " + spec + " }");
    ASSERT_FALSE(job.ok()) << spec;
    EXPECT_THAT(std::string(job.status().message()), HasSubstr(message));
  }
}

TEST(CodecRulesTest, ResidualsNeedPushesThatCount) {
  const std::string feedback = "data_plane { push { codec: 'one_bit' } } ";
  const auto backups = Complete(feedback + "scheduling { policy: DYNAMIC }");
  EXPECT_THAT(std::string(backups.status().message()),
              HasSubstr("set scheduling.no_backups"));
  EXPECT_TRUE(
      Complete(feedback + "scheduling { policy: DYNAMIC no_backups: true }")
          .ok());
  EXPECT_TRUE(Complete(feedback + "scheduling { policy: DYNAMIC } "
                                  "synchronisation { mode: ASYNCHRONOUS }")
                  .ok());
}

TEST(CodecRulesTest, AResultThatDependsOnTheWorkersIsTold) {
  EXPECT_EQ(NoteOnCodecs(Job("")), "");
  EXPECT_EQ(NoteOnCodecs(Job("data_plane { push { codec: 'int8' } }")), "");
  const std::string feedback = "data_plane { push { codec: 'one_bit' } } ";
  EXPECT_THAT(NoteOnCodecs(Job(feedback)), HasSubstr("depends on the workers"));
  EXPECT_EQ(
      NoteOnCodecs(Job(feedback + "synchronisation { mode: ASYNCHRONOUS }")),
      "");
}

}  // namespace
}  // namespace hawser
