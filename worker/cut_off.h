// When does a worker tell that it cannot reach a server: once all its tries
// have failed for so long that the scheduler would know by now if the server
// was lost. Then again after as long.
//
//   CutOff cut_off(now);
//   ... a try ends:
//   if (cut_off.Tried(status, has_begun, now)) { tell the scheduler }
//
// Pure: time is an argument.
#ifndef HAWSER_WORKER_CUT_OFF_H_
#define HAWSER_WORKER_CUT_OFF_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace hawser {

class CutOff {
 public:
  // Three leases, as long as they are by default.
  static constexpr absl::Duration kPatience = absl::Seconds(15);

  explicit CutOff(absl::Time now) : reached_(now) {}

  // has_begun: it reached every server. True: it is to be told.
  bool Tried(const absl::Status& status, bool has_begun, absl::Time now) {
    const bool is_cut_off = !has_begun && (absl::IsUnavailable(status) ||
                                           absl::IsDeadlineExceeded(status));
    const bool is_due = is_cut_off && now - reached_ >= kPatience;
    if (!is_cut_off || is_due) reached_ = now;
    return is_due;
  }

 private:
  absl::Time reached_;  // or told
};

}  // namespace hawser

#endif  // HAWSER_WORKER_CUT_OFF_H_
