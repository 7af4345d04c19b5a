// What members have logged about jobs: of each job the newest lines, numbered
// from 0 in order of their arrival, of the jobs that were last logged about.
// They are kept as bytes.
//
// Pure.
#ifndef HAWSER_SCHEDULER_STATE_MEMBER_LINES_H_
#define HAWSER_SCHEDULER_STATE_MEMBER_LINES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "proto/member_log.pb.h"

namespace hawser {

class MemberLines {
 public:
  // At most 50 MiB of them; those of ordinary lines take a tenth of it.
  static constexpr size_t kMaxLines = 500;  // of a job
  static constexpr size_t kMaxJobs = 100;
  static constexpr size_t kMaxLineBytes = 1000;

  // True: the first one of its job.
  bool Add(const MemberLine& line);
  // Forgets those of other jobs.
  void KeepOnly(const std::function<bool(const std::string& job)>& is_kept);
  // From line `first_line` on, as far as they are there.
  void Read(const std::string& job, uint64_t first_line,
            GetLinesResponse* response) const;

 private:
  struct OfJob {
    std::deque<std::string> lines;  // each a MemberLine without its job
    uint64_t first = 0;             // the number of the first of them
    uint64_t written = 0;           // when it was last added to
  };

  void ForgetOldest();

  std::map<std::string, OfJob> jobs_;
  uint64_t added_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_MEMBER_LINES_H_
