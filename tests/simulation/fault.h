// What goes wrong, when, where and for how long. One line of text each, the
// same in a scenario, in a seed's schedule and in a trace:
//
//   at 2s crash worker 1 for 3s           kill -9; back after 3s (without
//                                         "for": never)
//   at 2s pause worker 1 for 8s           SIGSTOP, SIGCONT
//   at 2s slow worker 1 by 10 for 5s      computing takes ten times as long
//   at 2s partition worker 1 from scheduler for 3s
//   at 2s break streams of worker 1
//   at 2s jump clock of scheduler by -3s
//   at 2s run clock of worker 1 at 0.5 for 5s
//   at 2s slow disk by 50 for 3s
//   at 2s fill disk for 1s                the journal refuses what it is given
//   at 2s slow output by 50 for 3s        checkpoints take long to write
//   at 2s fill output for 3s              neither they nor manifests can be
// No faults, but they happen, too:
//   at 2s start worker 3                  it is not there before
//   at 2s cancel the job
//   at 2s set mode: ASYNCHRONOUS          a ChangeJobRequest in text format
//   at 2s drain server 1                  hawser drain
//   at 2s drain no more server 1          hawser drain --undo
#ifndef HAWSER_TESTS_SIMULATION_FAULT_H_
#define HAWSER_TESTS_SIMULATION_FAULT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hawser::simulation {

struct Fault {
  enum class Kind {
    kCrash,
    kPause,
    kSlowWorker,
    kPartition,
    kBreakStreams,
    kJumpClock,
    kRunClock,
    kSlowDisk,
    kFillDisk,
    kStart,
    kSet,
    kCancel,
    kSlowOutput,
    kFillOutput,
    kDrain,
    kDrainNoMore,
  };
  absl::Duration at;
  Kind kind = Kind::kCrash;
  std::string target;    // "scheduler", "client", "server 1", "worker 2";
                         // kSet: the change
  std::string other;     // kPartition
  double amount = 1;     // kSlow*, kRunClock
  absl::Duration jump;   // kJumpClock
  absl::Duration lasts;  // 0: for ever (kCrash), or of no duration
};

// The line.
std::string Describe(const Fault& fault);
// A line each.
std::string Describe(const std::vector<Fault>& faults);

// INVALID_ARGUMENT: what is wrong and what is right.
absl::StatusOr<Fault> ParseFault(absl::string_view line);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_FAULT_H_
