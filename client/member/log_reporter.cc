#include "client/member/log_reporter.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace hawser {

LogReporter::LogReporter(MemberLogClient* client, JobLines* lines,
                         std::string role, Threads* threads)
    : client_(client),
      lines_(lines),
      role_(std::move(role)),
      threads_(threads),
      thread_(threads->Start([this] { Run(); })) {}

LogReporter::~LogReporter() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_->Join();
}

void LogReporter::SetNode(uint64_t node) {
  absl::MutexLock lock(&mutex_);
  node_ = node;
}

void LogReporter::Run() {
  for (bool stops = false; !stops;) {
    uint64_t node = 0;
    {
      absl::MutexLock lock(&mutex_);
      stops = threads_->AwaitFor(&mutex_, absl::Condition(&stopping_), kPeriod);
      node = node_;
    }
    if (node != 0) Send(node);
  }
}

void LogReporter::Send(uint64_t node) {
  if (unsent_.lines().empty()) {
    for (JobLine& line : lines_->Take(kMostLines)) {
      MemberLine* sent = unsent_.add_lines();
      sent->set_unix_ms(absl::ToUnixMillis(line.time));
      sent->set_job(line.fields.job);
      if (line.fields.step.has_value()) sent->set_step(*line.fields.step);
      sent->set_level(
          absl::AsciiStrToLower(google::GetLogSeverityName(line.severity)));
      sent->set_source(absl::StrCat(role_, " ", node));
      sent->set_text(std::move(line.text));
    }
    if (unsent_.lines().empty()) return;
  }
  // One that is refused for good would be refused again.
  const absl::Status status = client_->AddLines(unsent_).status();
  if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) {
    unsent_.Clear();
  }
}

}  // namespace hawser
