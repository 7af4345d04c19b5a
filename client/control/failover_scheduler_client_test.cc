#include "client/control/failover_scheduler_client.h"

#include "client/control/unimplemented_scheduler_client.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

// Leads, or answers nobody, and counts what it is asked.
class OneOfSeveral : public UnimplementedSchedulerClient {
 public:
  absl::StatusOr<GetVersionResponse> GetVersion(
      const GetVersionRequest&) override {
    return Answer<GetVersionResponse>();
  }
  absl::StatusOr<HeartbeatResponse> Heartbeat(
      const HeartbeatRequest&) override {
    return Answer<HeartbeatResponse>();
  }
  absl::StatusOr<SubmitJobResponse> SubmitJob(
      const SubmitJobRequest&) override {
    ++submitted;
    if (loses_answers) return absl::UnavailableError("lost");
    return Answer<SubmitJobResponse>();
  }

  bool leads = false;
  bool loses_answers = false;
  int asked = 0;
  int submitted = 0;

 private:
  template <typename Response>
  absl::StatusOr<Response> Answer() {
    ++asked;
    if (!leads) return absl::UnavailableError("stands by");
    return Response();
  }
};

class FailoverTest : public testing::Test {
 protected:
  FailoverTest() {
    std::vector<std::unique_ptr<SchedulerClient>> clients;
    for (OneOfSeveral*& scheduler : schedulers) {
      auto made = std::make_unique<OneOfSeveral>();
      scheduler = made.get();
      clients.push_back(std::move(made));
    }
    client = MakeFailoverSchedulerClient(std::move(clients));
  }

  OneOfSeveral* schedulers[3] = {};
  std::unique_ptr<SchedulerClient> client;
};

TEST_F(FailoverTest, FindsWhoLeadsAndStaysThere) {
  schedulers[1]->leads = true;
  EXPECT_TRUE(client->Heartbeat({}).ok());
  EXPECT_TRUE(client->Heartbeat({}).ok());
  EXPECT_EQ(schedulers[0]->asked, 1);
  EXPECT_EQ(schedulers[1]->asked, 2);
  EXPECT_EQ(schedulers[2]->asked, 0);
}

TEST_F(FailoverTest, FollowsTheLeadAround) {
  for (const int leader : {2, 0, 1, 0}) {
    for (OneOfSeveral* scheduler : schedulers) scheduler->leads = false;
    schedulers[leader]->leads = true;
    EXPECT_TRUE(client->Heartbeat({}).ok()) << leader;
  }
}

TEST_F(FailoverTest, AsksEachOnceIfNobodyLeads) {
  EXPECT_TRUE(absl::IsUnavailable(client->Heartbeat({}).status()));
  for (OneOfSeveral* scheduler : schedulers) EXPECT_EQ(scheduler->asked, 1);
}

TEST_F(FailoverTest, AnErrorOfTheLeaderIsTheAnswer) {
  EXPECT_TRUE(absl::IsUnimplemented(client->ListJobs({}).status()));
}

TEST_F(FailoverTest, AJobIsSubmittedToTheLeaderOnly) {
  schedulers[2]->leads = true;
  EXPECT_TRUE(client->SubmitJob({}).ok());
  EXPECT_EQ(schedulers[0]->submitted, 0);
  EXPECT_EQ(schedulers[1]->submitted, 0);
  EXPECT_EQ(schedulers[2]->submitted, 1);
}

TEST_F(FailoverTest, AJobIsSubmittedOnceIfItsAnswerIsLost) {
  schedulers[0]->leads = true;
  schedulers[0]->loses_answers = true;
  EXPECT_TRUE(absl::IsUnavailable(client->SubmitJob({}).status()));
  int submitted = 0;
  for (const OneOfSeveral* scheduler : schedulers) {
    submitted += scheduler->submitted;
  }
  EXPECT_EQ(submitted, 1);
}

TEST_F(FailoverTest, NothingIsSubmittedIfNobodyLeads) {
  EXPECT_TRUE(absl::IsUnavailable(client->SubmitJob({}).status()));
  for (OneOfSeveral* scheduler : schedulers) {
    EXPECT_EQ(scheduler->submitted, 0);
  }
}

}  // namespace
}  // namespace hawser
