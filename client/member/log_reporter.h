// Sends what this member logs about jobs to the scheduler, where `hawser logs`
// finds it: every kPeriod, at most kMostLines. While no scheduler answers, the
// newest lines wait (common/log/job_lines.h).
//
// Thread-safe.
#ifndef HAWSER_CLIENT_MEMBER_LOG_REPORTER_H_
#define HAWSER_CLIENT_MEMBER_LOG_REPORTER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/control/member_log_client.h"
#include "common/log/job_lines.h"
#include "common/threads.h"

namespace hawser {

class LogReporter {
 public:
  static constexpr absl::Duration kPeriod = absl::Seconds(1);
  static constexpr size_t kMostLines = 100;

  // role: "server", "worker". Starts at once. All outlive it.
  LogReporter(MemberLogClient* client, JobLines* lines, std::string role,
              Threads* threads);
  // Sends once more, and stops.
  ~LogReporter();

  // Nothing is sent before it is known: a line tells who logged it.
  void SetNode(uint64_t node);

 private:
  void Run();
  void Send(uint64_t node);

  MemberLogClient* const client_;
  JobLines* const lines_;
  const std::string role_;
  Threads* const threads_;
  AddLinesRequest unsent_;  // the thread's

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t node_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_MEMBER_LOG_REPORTER_H_
