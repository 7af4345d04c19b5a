// Jobs that wait for other jobs: users of one `personalise`, and jobs that
// start from what another writes.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

class ClusterStateOrderTest : public ClusterStateTest {
 protected:
  // A job file of some users, at_once at a time.
  static JobSpec Users(const std::vector<std::string>& names,
                       uint32_t at_once) {
    JobSpec spec;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"pb(
          name: "letters"
          model {
            gpt { vocabulary: 16 context: 4 layers: 1 heads: 1 width: 4 }
          }
          data { text {} }
          optimizer { adam {} }
          learning_rate { base: 0.1 }
          schedule { epochs: 2 global_batch: 16 micro_batches: 8 }
          from { model: "base" }
          personalise { users: "users" }
        )pb",
        &spec));
    spec.mutable_personalise()->set_at_once(at_once);
    for (const auto& name : names) spec.mutable_personalise()->add_names(name);
    return spec;
  }
  static JobSpec From(const std::string& name, const std::string& checkpoint) {
    JobSpec spec = Spec(name, 1, 1);
    spec.mutable_from()->set_checkpoint(checkpoint);
    return spec;
  }
  static JobSpec Into(const std::string& name, const std::string& directory) {
    JobSpec spec = Spec(name, 1, 1);
    spec.mutable_checkpoint()->set_directory(directory);
    return spec;
  }
  JobState StateOf(const std::string& name) { return Get(name).state(); }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const Job* job : state_.Jobs()) names.push_back(job->name());
    return names;
  }
  void Finish(const std::string& job) {
    StartJob(job);
    EXPECT_TRUE(DoSteps(job, 0, 8).ok());
    const uint64_t worker = PlanOf(job).workers(0).node();
    EXPECT_TRUE(Validate(worker, job, 4, 0, 2).ok());
    EXPECT_TRUE(Validate(worker, job, 8, 0, 2).ok());
    WriteCheckpoints(job, 8);
    EXPECT_TRUE(Hash(worker, job, 8).ok());
    EXPECT_EQ(StateOf(job), SUCCEEDED);
  }
};

TEST_F(ClusterStateOrderTest, UsersAreAcceptedTogetherAndTakeTurns) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 4);
  ASSERT_TRUE(Submit(Users({"a", "b", "c"}, 2)).ok());
  EXPECT_EQ(StateOf("letters-a"), STARTING);
  EXPECT_EQ(StateOf("letters-b"), STARTING);
  EXPECT_EQ(StateOf("letters-c"), QUEUED);
  EXPECT_EQ(ReasonOf("letters-c"),
            "waits for its turn among the users of "
            "letters");
  // Others get what the users leave.
  ASSERT_TRUE(Submit(Spec("other", 1, 1)).ok());
  EXPECT_EQ(StateOf("other"), STARTING);
  Cancel("letters-a");
  EXPECT_EQ(StateOf("letters-c"), STARTING);
}

TEST_F(ClusterStateOrderTest, AUserThatFailsFailsAlone) {
  JoinAll(SERVER, 1);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit(Users({"a", "b"}, 1)).ok());
  ASSERT_TRUE(Fail(worker, "letters-a", "users/a is empty", true).ok());
  EXPECT_EQ(StateOf("letters-a"), FAILED);
  EXPECT_THAT(ReasonOf("letters-a"), HasSubstr("users/a is empty"));
  EXPECT_EQ(StateOf("letters-b"), STARTING);
}

TEST_F(ClusterStateOrderTest, AllUsersAreAcceptedOrNone) {
  ASSERT_TRUE(Submit(Spec("letters-b", 1, 1)).ok());
  EXPECT_EQ(Submit(Users({"a", "b"}, 1)).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Submit(Users({"c", "/"}, 1)).code(),
            absl::StatusCode::kInvalidArgument);
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back(absl::StrCat("u", i));
  EXPECT_EQ(Submit(Users(many, 1)).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Names(), std::vector<std::string>{"letters-b"});
}

TEST_F(ClusterStateOrderTest, SubmittedAgainOnlyThoseThatAreNotDoneAreNew) {
  JoinAll(SERVER, 1);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit(Users({"a", "b", "c"}, 1)).ok());
  Finish("letters-a");
  ASSERT_TRUE(Fail(worker, "letters-b", "bad", true).ok());
  const uint64_t a = Get("letters-a").id();
  const uint64_t b = Get("letters-b").id();
  const uint64_t c = Get("letters-c").id();
  const auto due = state_.Submit(Users({"a", "b", "c", "d"}, 3), now_);
  ASSERT_TRUE(due.ok()) << due.status();
  EXPECT_EQ(due->size(), 2u);
  ASSERT_TRUE(Submit(Users({"a", "b", "c", "d"}, 3)).ok());
  EXPECT_EQ(Get("letters-a").id(), a);
  EXPECT_EQ(StateOf("letters-a"), SUCCEEDED);
  EXPECT_GT(Get("letters-b").id(), b);
  EXPECT_EQ(Get("letters-c").id(), c);
  EXPECT_EQ(state_.Jobs().size(), 4u);
  // Not as if the settings were the same.
  JobSpec other = Users({"a"}, 1);
  other.set_seed(1);
  const absl::Status refused = Submit(other);
  EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("other settings"));
  // A replay comes to the same.
  ClusterState restored(absl::Seconds(5));
  for (const JournalEvent& event : journal_) restored.Apply(event);
  ASSERT_EQ(restored.Jobs().size(), 4u);
  EXPECT_EQ((*restored.FindJob("letters-b"))->id(), Get("letters-b").id());
}

TEST_F(ClusterStateOrderTest, ARestartForgetsNoUser) {
  const uint64_t server = Join(SERVER);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit(Users({"a", "b"}, 1)).ok());
  Restart();
  EXPECT_EQ(Get("letters-a").state(), STARTING);
  EXPECT_EQ(Get("letters-b").state(), QUEUED);
  EXPECT_THAT(ReasonOf("letters-b"), HasSubstr("waits for its turn"));
  Join(SERVER);
  EXPECT_EQ(ComeBack(worker), worker);
  // It is not awaited: no plan names it.
  EXPECT_NE(ComeBack(server), server);
  Cancel("letters-a");
  EXPECT_EQ(Get("letters-b").state(), STARTING);
}

TEST_F(ClusterStateOrderTest, WhatStartsFromACheckpointWaitsForWhoWritesIt) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 5);
  ASSERT_TRUE(Submit(Spec("base", 1, 1)).ok());
  ASSERT_TRUE(Submit(Into("into", "x/y")).ok());
  ASSERT_TRUE(Submit(From("tuned", "./base/")).ok());
  ASSERT_TRUE(Submit(From("absolute", "/out/x/y")).ok());
  ASSERT_TRUE(Submit(From("step", "base/step-4")).ok());
  ASSERT_TRUE(Submit(From("another", "z")).ok());
  EXPECT_EQ(StateOf("tuned"), QUEUED);
  EXPECT_EQ(ReasonOf("tuned"),
            "waits for the end of job base, which writes "
            "the checkpoint it starts from");
  EXPECT_EQ(StateOf("absolute"), QUEUED);
  EXPECT_EQ(StateOf("step"), STARTING);
  EXPECT_EQ(StateOf("another"), STARTING);
  Finish("base");
  EXPECT_EQ(StateOf("tuned"), STARTING);
  EXPECT_EQ(StateOf("absolute"), QUEUED);
  Cancel("into");
  EXPECT_EQ(StateOf("absolute"), STARTING);
}

TEST_F(ClusterStateOrderTest, WhoWritesWaitsForWhoIsToReadFirst) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 3);
  ASSERT_TRUE(Submit(From("tuned", "base")).ok());
  ASSERT_TRUE(Submit(Spec("base", 1, 1)).ok());
  EXPECT_EQ(StateOf("base"), QUEUED);
  EXPECT_THAT(ReasonOf("base"), HasSubstr("job tuned has read"));
  StartJob("tuned");
  EXPECT_EQ(StateOf("base"), STARTING);
}

// Each would write over the other's checkpoints, and drop them.
TEST_F(ClusterStateOrderTest, TwoDoNotWriteToOneDirectoryAtOnce) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 4);
  ASSERT_TRUE(Submit(Into("one", "x/y")).ok());
  for (const std::string directory : {"x/y", "./x//y/", "/out/x/y"}) {
    const absl::Status refused = Submit(Into("other", directory));
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(
        std::string(refused.message()),
        HasSubstr(absl::StrCat("would write its checkpoints to ", directory,
                               ", where job one writes, which has not ended; "
                               "choose another checkpoint.directory")));
  }
  EXPECT_EQ(Names(), std::vector<std::string>{"one"});
  EXPECT_TRUE(Submit(Into("beside", "x")).ok());
  // By default a job writes where its name says.
  ASSERT_TRUE(Submit(Spec("fourth", 1, 1)).ok());
  EXPECT_FALSE(Submit(Into("fifth", "fourth")).ok());
  Cancel("one");
  EXPECT_TRUE(Submit(Into("other", "x/y")).ok());
}

// Nobody waits for ever: of two that read what the other writes, one begins.
TEST_F(ClusterStateOrderTest, ThereIsNoCircle) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(From("one", "other")).ok());
  ASSERT_TRUE(Submit(From("other", "one")).ok());
  EXPECT_EQ(StateOf("one"), STARTING);
  EXPECT_EQ(StateOf("other"), QUEUED);
  Finish("one");
  EXPECT_EQ(StateOf("other"), STARTING);
}

}  // namespace
}  // namespace hawser
