#include "client/cli/describe_users.h"

#include <string>
#include <vector>

#include "common/metrics_proto.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::HasSubstr;

JobStatus User(const std::string& user, JobState state) {
  JobStatus job;
  job.set_name("letters-" + user);
  job.set_state(state);
  job.mutable_spec()->mutable_model()->mutable_gpt()->set_context(10);
  job.mutable_spec()->mutable_personalise()->set_of("letters");
  job.mutable_spec()->mutable_personalise()->set_user(user);
  return job;
}

// Of 2 samples, 3 nats before and 1 nat after.
JobStatus Done(const std::string& user) {
  JobStatus job = User(user, SUCCEEDED);
  *job.mutable_validation_before() = ToProto({6'000'000'000, 0, 2});
  *job.mutable_last_epoch()->mutable_validation() =
      ToProto({2'000'000'000, 0, 2});
  job.set_validation_bytes(20);
  job.set_output("/out/letters/" + user + "/step-3");
  return job;
}

JobStatus Failed(const std::string& user) {
  JobStatus job = User(user, FAILED);
  job.set_reason("users/" + user + " is empty");
  return job;
}

TEST(DescribeUsersTest, UsersAreThoseOfTheJobFile) {
  ListJobsResponse jobs;
  *jobs.add_jobs() = User("b", QUEUED);
  *jobs.add_jobs() = User("a", QUEUED);
  jobs.add_jobs()->set_name("letters");
  *jobs.add_jobs() = User("c", QUEUED);
  jobs.mutable_jobs(3)->mutable_spec()->mutable_personalise()->set_of("other");
  const auto users = UsersOf("letters", jobs);
  ASSERT_EQ(users.size(), 2u);
  EXPECT_EQ(users[0].name(), "letters-b");
  EXPECT_EQ(users[1].name(), "letters-a");
}

TEST(DescribeUsersTest, ATableTellsBeforeAndAfterOrWhyNot) {
  EXPECT_EQ(UserTable({Done("alice"), Failed("bob"), User("eve", QUEUED)}),
            "USER   JOB            STATE      LOSS              PERPLEXITY"
            "      CHECKPOINT OR REASON\n"
            "alice  letters-alice  succeeded  3.0000 -> 1.0000  20.09 -> "
            "2.718  /out/letters/alice/step-3\n"
            "bob    letters-bob    failed     -                 -          "
            "     users/bob is empty\n"
            "eve    letters-eve    queued     -                 -\n"
            "1 of 3 users succeeded, 1 failed\n");
  EXPECT_EQ(UserLine(Done("alice")),
            "alice succeeded: loss 3.0000 -> 1.0000, perplexity 20.09 -> "
            "2.718");
  EXPECT_EQ(UserLine(Failed("bob")), "bob failed: users/bob is empty");
}

TEST(DescribeUsersTest, JsonHasAllOfIt) {
  const auto json = UsersToJson("letters", {Done("alice"), Failed("bob")});
  EXPECT_EQ(json["succeeded"], 1);
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["cancelled"], 0);
  const auto& alice = json["users"][0];
  EXPECT_EQ(alice["user"], "alice");
  EXPECT_EQ(alice["job"], "letters-alice");
  EXPECT_DOUBLE_EQ(alice["before"]["loss"], 3);
  EXPECT_NEAR(alice["after"]["perplexity"], 2.71828, 1e-4);
  EXPECT_NEAR(alice["after"]["bits_per_byte"], 1.442695, 1e-4);
  EXPECT_FALSE(json["users"][1].contains("after"));
  EXPECT_THAT(json["users"][1]["reason"], HasSubstr("is empty"));
}

}  // namespace
}  // namespace hawser
