#include "scheduler/scheduler_metrics.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;
using testing::Not;

class SchedulerMetricsTest : public ClusterStateTest {
 protected:
  std::string Scrape() {
    MetricFamilies families;
    CollectStateMetrics(state_, now_, &families);
    return families.Text();
  }
  // Job `name` runs with two workers and two servers.
  void Run(const std::string& name) {
    JoinAll(SERVER, 2);
    workers_ = JoinAll(WORKER, 2);
    ASSERT_TRUE(Submit(Spec(name, 2, 2)).ok());
    StartJob(name);
  }

  std::vector<uint64_t> workers_;
};

TEST_F(SchedulerMetricsTest, AnEmptyClusterTellsOfEachStateAndRole) {
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_jobs{state=\"running\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_members{role=\"server\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_members_lost_total{"
                              "role=\"worker\",reason=\"lease_expired\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("hawser_job_")));
}

TEST_F(SchedulerMetricsTest, AJobTellsHowFarItIs) {
  Run("a");
  const uint64_t idle = Join(WORKER);
  ASSERT_TRUE(DoSteps("a", 0, 3).ok());
  now_ += absl::Seconds(2);
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_members{role=\"worker\"} 3\n"));
  EXPECT_THAT(text,
              HasSubstr("hawser_scheduler_members_idle{role=\"worker\"} 1\n"))
      << idle;
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_heartbeat_age_seconds{"
                              "role=\"worker\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_jobs{state=\"running\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("hawser_job_state{job_name=\"a\",state=\"running\"} "
                        "1\n"));
  EXPECT_THAT(text, HasSubstr("hawser_job_step{job_name=\"a\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("hawser_job_steps{job_name=\"a\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("hawser_job_workers{job_name=\"a\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("hawser_job_training_accuracy{job_name=\"a\"} 0.5\n"));
  // Without a checkpoint, all that it has done would be lost.
  EXPECT_THAT(
      text, HasSubstr("hawser_job_checkpoint_age_seconds{job_name=\"a\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("hawser_job_incarnations_total{job_name=\"a\","
                              "reason=\"start\"} 2\n"));
}

TEST_F(SchedulerMetricsTest, ACheckpointIsAsOldAsItsCommit) {
  Run("a");
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  now_ += absl::Seconds(2);
  WriteCheckpoints("a", 2);
  now_ += absl::Seconds(1);
  EXPECT_THAT(
      Scrape(),
      HasSubstr("hawser_job_checkpoint_age_seconds{job_name=\"a\"} 1\n"));
}

TEST_F(SchedulerMetricsTest, LostMembersAndWhatTheyCostHaveReasons) {
  Run("a");
  Leave(workers_[0]);
  EXPECT_THAT(Scrape(), HasSubstr("hawser_scheduler_members_lost_total{"
                                  "role=\"worker\",reason=\"left\"} 1\n"));
  PassWithout({workers_[1]}, kLease);
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_members_lost_total{"
                              "role=\"worker\",reason=\"lease_expired\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("hawser_job_incarnations_total{job_name=\"a\","
                              "reason=\"worker_lost\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("hawser_job_waits{job_name=\"a\"} 1\n"));
}

TEST_F(SchedulerMetricsTest, ARestartFindsTheSameReasonsInTheJournal) {
  Run("a");
  Leave(workers_[0]);
  const IncarnationCounts before = Get("a").incarnations();
  Restart();
  EXPECT_EQ(Get("a").incarnations(), before);
}

TEST_F(SchedulerMetricsTest, AJobThatHasEndedHasNoSeriesAnyMore) {
  Run("a");
  Cancel("a");
  const std::string text = Scrape();
  EXPECT_THAT(text, Not(HasSubstr("job_name=\"a\"")));
  EXPECT_THAT(text,
              HasSubstr("hawser_scheduler_jobs{state=\"cancelled\"} 1\n"));
}

TEST_F(SchedulerMetricsTest, ManyJobsDoNotMakeManySeries) {
  const size_t jobs = MetricFamilies::kMaxJobs + 3;
  for (size_t i = 0; i < jobs; ++i) {
    ASSERT_TRUE(Submit(Spec(absl::StrCat("job-", i), 1, 1)).ok());
  }
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr("hawser_job_step{job_name=\"job-99\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("job-100\"")));
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_jobs_untold 3\n"));
  EXPECT_THAT(text, HasSubstr("hawser_scheduler_jobs{state=\"queued\"} 103\n"));
}

}  // namespace
}  // namespace hawser
