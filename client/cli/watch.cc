#include "client/cli/watch.h"

#include <unistd.h>

#include <cstdio>

#include "absl/time/clock.h"
#include "client/cli/command_line.h"
#include "client/cli/describe.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/patience.h"
#include "client/cli/progress.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

// Ctrl-C is noticed within this time.
constexpr uint32_t kLookMs = 200;

}  // namespace

absl::StatusOr<JobStatus> WatchJob(SchedulerClient* scheduler,
                                   const std::string& name,
                                   const std::function<absl::Status()>& check) {
  Progress progress(stderr, isatty(STDERR_FILENO) != 0);
  GetJobRequest request;
  request.set_name(name);
  request.set_wait_ms(kLookMs);
  Patience patience;
  for (;;) {
    const auto response = scheduler->GetJob(request);
    if (Interrupted()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(check());
    if (patience.TriesAgain(response.status())) continue;
    if (!response.ok()) return response.status();
    progress.Show(response->status(), absl::Now());
    if (IsFinal(response->status().state())) return response->status();
    request.set_newer_than_revision(response->status().revision());
  }
}

int ReportEnd(const JobStatus& job, bool json) {
  if (json) {
    PrintJson(ToJson(job));
  } else {
    Print(Summary(job));
  }
  return job.state() == SUCCEEDED ? kDone : kJobFailed;
}

}  // namespace hawser
