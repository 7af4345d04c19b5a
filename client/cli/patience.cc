#include "client/cli/patience.h"

#include <cstdio>

#include "absl/time/clock.h"

namespace hawser {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(100);

}  // namespace

bool Patience::TriesAgain(const absl::Status& status) {
  if (!absl::IsUnavailable(status)) {
    if (is_away_) std::fputs("hawser: the scheduler answers again\n", stderr);
    is_away_ = false;
    last_answer_ = absl::Now();
    return false;
  }
  if (absl::Now() >= last_answer_ + kLongest) return false;
  if (!is_away_) {
    std::fprintf(stderr,
                 "hawser: the scheduler does not answer; waiting for it for "
                 "%lld s\n",
                 static_cast<long long>(absl::ToInt64Seconds(kLongest)));
  }
  is_away_ = true;
  absl::SleepFor(kPause);
  return true;
}

}  // namespace hawser
