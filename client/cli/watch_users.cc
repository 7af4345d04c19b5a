#include "client/cli/watch_users.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/command_line.h"
#include "client/cli/describe.h"
#include "client/cli/describe_users.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/patience.h"
#include "client/cli/progress.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

// Between two looks; Ctrl-C is noticed within this time.
constexpr absl::Duration kPause = absl::Milliseconds(200);
// More for many jobs, which are listed whole.
constexpr absl::Duration kPauseAJob = absl::Milliseconds(1);

bool HasEnded(const JobStatus& job) { return IsFinal(job.state()); }

// One line that is drawn over, on a terminal, below those that stay.
class UserProgress {
 public:
  ~UserProgress() { Clear(); }

  void Show(const std::vector<JobStatus>& jobs) {
    Clear();
    for (const JobStatus& job : jobs) {
      if (!HasEnded(job) || !told_.insert(job.job()).second) continue;
      std::fprintf(stderr, "[%zu/%zu] %s\n", told_.size(), jobs.size(),
                   UserLine(job).c_str());
    }
    const auto at_work =
        std::find_if(jobs.begin(), jobs.end(), [](const JobStatus& job) {
          return job.state() == RUNNING || job.state() == FINISHING;
        });
    if (!live_ || at_work == jobs.end()) return;
    std::fprintf(stderr, "%s: %s", at_work->spec().personalise().user().c_str(),
                 ProgressLine(*at_work).c_str());
    std::fflush(stderr);
    shown_ = true;
  }

 private:
  void Clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
    shown_ = false;
  }

  const bool live_ = isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
  std::set<uint64_t> told_;
};

}  // namespace

absl::StatusOr<std::vector<JobStatus>> FindUsers(SchedulerClient* scheduler,
                                                 const std::string& name) {
  ASSIGN_OR_RETURN(const ListJobsResponse jobs,
                   scheduler->ListJobs(ListJobsRequest()));
  std::vector<JobStatus> users = UsersOf(name, jobs);
  if (!users.empty()) return users;
  return absl::NotFoundError(absl::StrCat(
      "no job named ", name, "; `hawser jobs` lists those there are"));
}

absl::StatusOr<std::vector<JobStatus>> WatchUsers(
    SchedulerClient* scheduler, const std::string& name,
    const std::function<absl::Status()>& check) {
  UserProgress progress;
  Patience patience;
  for (;;) {
    auto jobs = FindUsers(scheduler, name);
    if (Interrupted()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(check());
    if (patience.TriesAgain(jobs.status())) continue;
    if (!jobs.ok()) return jobs.status();
    progress.Show(*jobs);
    if (std::all_of(jobs->begin(), jobs->end(), HasEnded)) return jobs;
    absl::SleepFor(kPause + kPauseAJob * static_cast<int64_t>(jobs->size()));
  }
}

int ReportUsers(const std::string& name, const std::vector<JobStatus>& jobs,
                bool json) {
  if (json) {
    PrintJson(UsersToJson(name, jobs));
  } else {
    Print(UserTable(jobs));
  }
  return std::all_of(
             jobs.begin(), jobs.end(),
             [](const JobStatus& job) { return job.state() == SUCCEEDED; })
             ? kDone
             : kJobFailed;
}

}  // namespace hawser
