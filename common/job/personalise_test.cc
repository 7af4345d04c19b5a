#include "common/job/personalise.h"

#include <set>
#include <string>

#include "common/job/job_rules.h"
#include "common/job/rules/from_rules.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

constexpr char kFile[] = R"pb(
  name: "letters"
  model { gpt { vocabulary: 256 context: 16 layers: 1 heads: 2 width: 8 } }
  data { text { validation_share: 0.2 } }
  optimizer { adam {} }
  learning_rate { base: 0.001 }
  schedule { epochs: 2 global_batch: 4 }
  from { model: "base" }
  personalise { users: "users" }
)pb";

JobSpec File(const std::vector<std::string>& names,
             const std::string& more = "") {
  JobSpec spec, change;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kFile, &spec));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(more, &change));
  spec.MergeFrom(change);
  for (const std::string& name : names) {
    spec.mutable_personalise()->add_names(name);
  }
  return spec;
}

std::string Error(const JobSpec& spec) {
  const auto jobs = JobsOf(spec);
  EXPECT_FALSE(jobs.ok());
  return std::string(jobs.status().message());
}

// The name of the job of a user.
std::string NameOf(const std::string& entry) {
  const auto jobs = JobsOf(File({entry}));
  EXPECT_TRUE(jobs.ok()) << jobs.status();
  return jobs.ok() ? jobs->front().name() : "";
}

TEST(PersonaliseTest, AJobWithoutItIsOneJob) {
  JobSpec spec = File({}, "data { text { files: 'a.txt' } }");
  spec.clear_personalise();
  const auto jobs = JobsOf(spec);
  ASSERT_TRUE(jobs.ok()) << jobs.status();
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_TRUE(HaveSameResult(jobs->front(), *CompleteJob(spec)));
}

TEST(PersonaliseTest, EachUserIsAJobOfItsOwn) {
  const auto jobs = JobsOf(
      File({"alice", "bob.txt"}, "checkpoint { directory: 'out' } seed: 7"));
  ASSERT_TRUE(jobs.ok()) << jobs.status();
  ASSERT_EQ(jobs->size(), 2u);
  const JobSpec& alice = jobs->at(0);
  EXPECT_EQ(alice.name(), "letters-alice");
  EXPECT_EQ(alice.personalise().of(), "letters");
  EXPECT_EQ(alice.personalise().user(), "alice");
  EXPECT_EQ(alice.personalise().at_once(), 1u);
  EXPECT_EQ(alice.data().text().files(0), "users/alice");
  EXPECT_EQ(alice.data().text().validation_share(), 0.2);
  EXPECT_EQ(alice.from().model(), "base");
  EXPECT_EQ(alice.checkpoint().directory(), "out/alice");
  EXPECT_EQ(alice.seed(), 7u);
  const JobSpec& bob = jobs->at(1);
  EXPECT_EQ(bob.name(), "letters-bob");
  EXPECT_EQ(bob.personalise().user(), "bob");
  EXPECT_EQ(bob.data().text().files(0), "users/bob.txt");
  EXPECT_FALSE(HaveSameResult(alice, bob));
  // What a user's job is, it stays.
  for (const JobSpec& job : *jobs) {
    EXPECT_FALSE(IsPersonalise(job));
    const auto again = JobsOf(job);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(HaveSameResult(again->front(), job));
  }
}

TEST(PersonaliseTest, EveryUserGetsAJobName) {
  EXPECT_EQ(NameOf("a-1"), "letters-a-1");
  std::set<std::string> names;
  for (const std::string& user :
       {std::string("Alice"), std::string("alice"), std::string("alice_"),
        std::string("ALICE"), std::string("-a b-"), std::string("\xc3\xbc"),
        std::string("\xc3\xb6"), std::string(255, 'x'), std::string(254, 'x'),
        std::string(33, '-'), std::string(1, '\xff')}) {
    const std::string name = NameOf(user);
    EXPECT_THAT(name, testing::MatchesRegex("letters-[-a-z0-9]+"));
    EXPECT_LE(name.size(), 8u + 32u);
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_THAT(NameOf("J. R. Hacker"),
              testing::MatchesRegex("letters-j-r-hacker-[0-9a-f]{8}"));
}

TEST(PersonaliseTest, TwoUsersOfOneNameAreRefused) {
  EXPECT_THAT(Error(File({"alice", "bob", "alice.txt"})),
              HasSubstr("alice and alice.txt would both be job letters-alice"));
}

TEST(PersonaliseTest, WhatCannotBeIsRefusedWithWhatToDo) {
  EXPECT_THAT(Error(File({})), HasSubstr("has no users; put a directory"));
  EXPECT_THAT(Error(File(std::vector<std::string>(1001, "a"))),
              HasSubstr("1001 users; the most is 1000"));
  for (const std::string name : {"", ".", "..", ".hidden", "a/b", ".txt"}) {
    EXPECT_THAT(Error(File({name})), HasSubstr("personalise.names has"));
  }
  const auto error = [](const std::string& more) {
    return Error(File({"alice"}, more));
  };
  EXPECT_THAT(error("data { text { files: 'a' } }"),
              HasSubstr("leave them out"));
  EXPECT_THAT(error("data { text { validation_files: 'a' } }"),
              HasSubstr("leave them out"));
  EXPECT_THAT(error("data { tokens { train: 'a' } }"),
              HasSubstr("needs data { text { } }"));
  EXPECT_THAT(error("personalise { of: 'a' }"), HasSubstr("leave it out"));
  EXPECT_THAT(error("personalise { users: '../a' }"),
              HasSubstr("personalise.users"));
  EXPECT_THAT(error("personalise { at_once: 1001 }"), HasSubstr("1000"));
  EXPECT_THAT(error("synchronisation { mode: ASYNCHRONOUS }"),
              HasSubstr("SYNCHRONOUS"));
  EXPECT_THAT(error("scheduling { policy: DYNAMIC }"), HasSubstr("STATIC"));
  EXPECT_THAT(error("name: 'a2345678901234567890123456789xy'"),
              HasSubstr("at most 30 characters"));
  EXPECT_THAT(error("name: 'Letters'"), HasSubstr("a-z"));
  JobSpec spec = File({"alice"});
  spec.clear_from();
  EXPECT_THAT(Error(spec), HasSubstr("personalise needs from"));
  spec = File({"alice"});
  spec.mutable_personalise()->clear_users();
  EXPECT_THAT(Error(spec), HasSubstr("personalise.users is empty"));
}

TEST(PersonaliseTest, AnotherClusterIsTheSameResult) {
  const JobSpec job = JobsOf(File({"alice"}))->front();
  const JobSpec elsewhere =
      JobsOf(File({"bob", "alice"},
                  "resources { workers: 3 } limits { max_seconds: 9 } "
                  "personalise { at_once: 5 }"))
          ->back();
  EXPECT_TRUE(HaveSameResult(job, elsewhere));
  for (const std::string other :
       {"seed: 1", "learning_rate { base: 0.002 }", "from { model: 'other' }",
        "schedule { epochs: 3 }"}) {
    EXPECT_FALSE(HaveSameResult(job, JobsOf(File({"alice"}, other))->front()))
        << other;
  }
}

TEST(FromRulesTest, DirectoriesWithoutAStepAreLookedThroughForTheNewest) {
  const auto newest = [](const std::string& checkpoint) {
    FromSpec from;
    from.set_checkpoint(checkpoint);
    return StartsFromNewest(from);
  };
  EXPECT_TRUE(newest("a"));
  EXPECT_TRUE(newest("step-3/a"));
  EXPECT_TRUE(newest("a/step-x"));
  EXPECT_FALSE(newest("a/step-3"));
  EXPECT_FALSE(newest("a/step-3/"));
  FromSpec model;
  model.set_model("a");
  EXPECT_FALSE(StartsFromNewest(model));
  EXPECT_EQ(NormalDirectory("a/./b//"), "a/b");
  EXPECT_EQ(NormalDirectory("/"), "/");
  EXPECT_EQ(NormalDirectory(""), ".");
}

}  // namespace
}  // namespace hawser
