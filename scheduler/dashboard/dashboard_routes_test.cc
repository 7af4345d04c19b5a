#include "scheduler/dashboard/dashboard_routes.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/faulty_file_calls.h"
#include "common/manual_clock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "proto/dashboard.pb.h"
#include "scheduler/dashboard/page_files.h"
#include "scheduler/memory_journal.h"

namespace hawser {
namespace {

// Sleeping moves the clock.
class ClockThreads : public Threads {
 public:
  explicit ClockThreads(ManualClock* clock) : clock_(clock) {}
  std::unique_ptr<Thread> Start(std::function<void()>) override {
    return nullptr;
  }
  bool AwaitFor(absl::Mutex*, const absl::Condition&, absl::Duration) override {
    return false;
  }
  void Sleep(absl::Duration duration) override { clock_->Advance(duration); }

 private:
  ManualClock* const clock_;
};

class DashboardRoutesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(driver_.Start().ok()); }

  HttpReply Ask(const std::string& path, const std::string& job = "") {
    for (const HttpRoute& route : routes_) {
      if (route.path != path) continue;
      HttpRequest request;
      request.path = path;
      if (!job.empty()) request.parameters.emplace("job", job);
      return route.answer(request);
    }
    ADD_FAILURE() << "no route " << path;
    return {};
  }
  LiveUpdate Parse(const std::string& json) {
    LiveUpdate update;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &update).ok())
        << json;
    return update;
  }
  void Submit(const std::string& name) {
    SubmitJobRequest request;
    JobSpec* spec = request.mutable_spec();
    spec->set_name(name);
    spec->mutable_model()->mutable_mlp()->add_layer_sizes(4);
    spec->mutable_model()->mutable_mlp()->add_layer_sizes(3);
    spec->mutable_data()->mutable_idx();
    spec->mutable_optimizer()->mutable_sgd();
    spec->mutable_learning_rate()->set_base(0.1);
    spec->mutable_schedule()->set_epochs(1);
    spec->mutable_schedule()->set_global_batch(4);
    SubmitJobResponse response;
    ASSERT_TRUE(driver_.Submit(request, &response).ok());
  }

  MemoryJournal journal_;
  FaultyFileCalls disk_;
  ManualClock clock_{absl::FromUnixSeconds(1000)};
  ClockThreads threads_{&clock_};
  RealClock real_clock_;
  SchedulerDriver driver_{SchedulerDriver::Options(), &journal_, &real_clock_,
                          RealThreads(), &disk_};
  std::vector<HttpRoute> routes_ =
      DashboardRoutes(&driver_, &clock_, &threads_);
};

TEST_F(DashboardRoutesTest, ThePageIsOpenAndWhatItShowsIsNot) {
  std::set<std::string> paths;
  for (const HttpRoute& route : routes_) {
    EXPECT_TRUE(paths.insert(route.path).second) << route.path;
    EXPECT_EQ(route.open, !absl::StartsWith(route.path, "/api/"));
    EXPECT_EQ(route.changes, route.path == "/api/cancel");
  }
  EXPECT_EQ(Ask("/").content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(absl::StrContains(Ask("/").body, "<!doctype html>"));
}

TEST_F(DashboardRoutesTest, ThePageNeedsNothingButItself) {
  for (const PageFile& file : PageFiles()) {
    // Whatever it loads is of this site.
    for (const char* other : {"src=\"http", "href=\"http", "url(", "@import",
                              "from 'http", "style=\"", "innerHTML"}) {
      EXPECT_FALSE(absl::StrContains(file.content, other))
          << file.path << " has " << other;
    }
  }
  // Every module that is imported is there.
  for (const PageFile& file : PageFiles()) {
    size_t at = 0;
    while ((at = file.content.find("from '/", at)) != std::string::npos) {
      at += 6;
      const std::string path =
          file.content.substr(at, file.content.find('\'', at) - at);
      EXPECT_TRUE(std::any_of(
          PageFiles().begin(), PageFiles().end(),
          [&](const PageFile& other) { return other.path == path; }))
          << path;
    }
  }
}

TEST_F(DashboardRoutesTest, ASnapshotIsJson) {
  Submit("a");
  const HttpReply reply = Ask("/api/snapshot", "a");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  const LiveUpdate update = Parse(reply.body);
  ASSERT_EQ(update.jobs_size(), 1);
  EXPECT_EQ(update.jobs(0).name(), "a");
  EXPECT_TRUE(update.has_detail());
  EXPECT_EQ(Ask("/api/snapshot", "b").status, 404);
  EXPECT_EQ(Ask("/api/snapshot").status, 200);
}

TEST_F(DashboardRoutesTest, ALiveViewIsToldOnceAPeriod) {
  Submit("a");
  const HttpReply reply = Ask("/api/live", "a");
  EXPECT_EQ(reply.content_type, "text/event-stream");
  ASSERT_TRUE(reply.stream != nullptr);
  std::vector<absl::Time> times;
  for (int call = 0; call < 40 && times.size() < 4; ++call) {
    std::string more;
    ASSERT_TRUE(reply.stream(&more));
    if (more.empty()) continue;
    times.push_back(clock_.Now());
    ASSERT_TRUE(absl::StartsWith(more, "data: "));
    ASSERT_TRUE(absl::EndsWith(more, "}\n\n"));
    EXPECT_EQ(more.find('\n'), more.size() - 2);
    EXPECT_EQ(Parse(more.substr(6)).all_jobs(), times.size() == 1);
  }
  ASSERT_EQ(times.size(), 4);
  for (size_t i = 1; i < times.size(); ++i) {
    EXPECT_EQ(times[i] - times[i - 1], kLivePeriod);
  }
  // A clock that is set back by an hour silences nobody.
  clock_.Advance(-absl::Hours(1));
  std::string more;
  ASSERT_TRUE(reply.stream(&more));
  EXPECT_FALSE(more.empty());
}

TEST_F(DashboardRoutesTest, CancelsAJobAndSaysWhyNot) {
  EXPECT_EQ(Ask("/api/cancel", "a").status, 404);
  EXPECT_EQ(Ask("/api/cancel").status, 404);
  Submit("a");
  EXPECT_EQ(Ask("/api/cancel", "a").status, 200);
  const HttpReply again = Ask("/api/cancel", "a");
  EXPECT_EQ(again.status, 409);
  EXPECT_TRUE(absl::StrContains(again.body, "ended")) << again.body;
}

}  // namespace
}  // namespace hawser
