#include "common/process_setup.h"

#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

void TakeBothWays() {
  absl::Mutex one;
  absl::Mutex other;
  {
    absl::MutexLock first(&one);
    absl::MutexLock second(&other);
  }
  absl::MutexLock first(&other);
  absl::MutexLock second(&one);
}

// Without, an Abseil that is built for debugging ends the process: no order of
// locks that only might deadlock may take a daemon down.
TEST(ProcessSetup, DaemonsDoNotWatchTheOrderOfLocks) {
  SetUpDaemon("process_setup_test");
  TakeBothWays();
}

}  // namespace
}  // namespace hawser
