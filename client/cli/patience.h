// How long a command that has heard from a scheduler waits for it when it does
// not answer any more: it may be restarting, and the jobs go on meanwhile.
//
//   Patience patience;
//   for (;;) {
//     const auto response = scheduler->GetJob(request);
//     if (patience.TriesAgain(response.status())) continue;
//     if (!response.ok()) return response.status();
//     ...
//   }
//
// Not thread-safe.
#ifndef HAWSER_CLIENT_CLI_PATIENCE_H_
#define HAWSER_CLIENT_CLI_PATIENCE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace hawser {

class Patience {
 public:
  // From the last answer on.
  static constexpr absl::Duration kLongest = absl::Seconds(60);

  // Of each answer, or the lack of one. True, after a pause: ask again. The
  // first time that it does not answer is said on stderr.
  bool TriesAgain(const absl::Status& status);

 private:
  absl::Time last_answer_ = absl::InfinitePast();
  bool is_away_ = false;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_PATIENCE_H_
