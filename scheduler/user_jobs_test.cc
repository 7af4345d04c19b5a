#include "scheduler/user_jobs.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

const Identity kAnn = {"ann", Identity::Role::kSubmit};
const Identity kBen = {"ben", Identity::Role::kAdmin};
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;

JobSpec Job(const std::string& name, int users = 0) {
  JobSpec job;
  job.set_name(name);
  for (int i = 0; i < users; ++i) job.mutable_personalise()->add_names("u");
  return job;
}

class UserJobsTest : public testing::Test {
 protected:
  void Accept(const Identity& user, const std::string& name,
              JobState state = RUNNING) {
    jobs_.Accepted(&user, Job(name));
    Add(name, state);
  }
  JobStatus* Add(const std::string& name, JobState state) {
    JobStatus* status = there_.add_jobs();
    status->set_state(state);
    *status->mutable_spec() = Job(name);
    return status;
  }
  absl::StatusCode Check(const Identity* user, const JobSpec& job) {
    return jobs_.Check(user, job, there_).code();
  }
  UserJobs jobs_{2};
  ListJobsResponse there_;
};

TEST_F(UserJobsTest, EachUserHasALimitOfItsOwn) {
  Accept(kAnn, "a", QUEUED);
  EXPECT_EQ(Check(&kAnn, Job("b")), absl::StatusCode::kOk);
  Accept(kAnn, "b");
  EXPECT_EQ(Check(&kAnn, Job("c")), kExhausted);
  EXPECT_EQ(Check(&kBen, Job("c")), absl::StatusCode::kOk);
  EXPECT_EQ(Check(nullptr, Job("c")), absl::StatusCode::kOk);
}

TEST_F(UserJobsTest, WhatHasEndedDoesNotCount) {
  for (const JobState ended : {SUCCEEDED, FAILED, CANCELLED}) {
    Accept(kAnn, JobState_Name(ended), ended);
  }
  Accept(kAnn, "a");
  EXPECT_EQ(Check(&kAnn, Job("b")), absl::StatusCode::kOk);
}

TEST_F(UserJobsTest, JobsOfNobodyAreNobodys) {
  Add("a", RUNNING);
  Add("b", RUNNING);
  EXPECT_EQ(Check(&kAnn, Job("c")), absl::StatusCode::kOk);
}

TEST_F(UserJobsTest, EachUserOfAPersonaliseIsAJob) {
  EXPECT_EQ(Check(&kAnn, Job("p", 3)), kExhausted);
  EXPECT_EQ(Check(&kAnn, Job("p", 2)), absl::StatusCode::kOk);
  jobs_.Accepted(&kAnn, Job("p", 2));
  for (const char* name : {"p-u", "p-v"}) {
    Add(name, RUNNING)->mutable_spec()->mutable_personalise()->set_of("p");
  }
  EXPECT_EQ(Check(&kAnn, Job("a")), kExhausted);
}

}  // namespace
}  // namespace hawser
