#include "tests/simulation/fault_schedule.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace hawser::simulation {
namespace {

using Kind = Fault::Kind;

class Schedule {
 public:
  Schedule(const FaultScheduleOptions& options, SeededRandom* random)
      : options_(options), random_(random) {}

  Fault Draw(absl::Duration at) {
    fault_ = Fault();
    fault_.at = at;
    const bool may_silence = options_.gentle ? at >= silent_until_ : true;
    const uint64_t sort = random_->Below(may_silence ? 16 : 8);
    if (sort < 8) {
      DrawOfWorker(sort);
    } else {
      DrawOfOthers(sort);
      silent_until_ = at + fault_.lasts + options_.lease;
    }
    return fault_;
  }

 private:
  std::string Worker() {
    return absl::StrCat("worker ", 1 + random_->Below(options_.workers));
  }
  std::string Server() {
    return absl::StrCat("server ", 1 + random_->Below(options_.servers));
  }
  absl::Duration UpTo(absl::Duration most) {
    return Rounded(random_->Between(absl::Milliseconds(1), most));
  }
  // Lines are to be read.
  static absl::Duration Rounded(absl::Duration duration) {
    return absl::Floor(duration, absl::Milliseconds(1));
  }
  // Shorter and longer than the lease.
  absl::Duration Any() { return UpTo(2 * options_.lease); }
  // Of a server or the scheduler.
  absl::Duration Silence() {
    return options_.gentle ? UpTo(options_.lease / 4) : Any();
  }

  void DrawOfWorker(uint64_t sort) {
    fault_.target = Worker();
    fault_.lasts = Any();
    switch (sort) {
      case 0:
      case 1:
        fault_.kind = Kind::kCrash;
        return;
      case 2:
      case 3:
        fault_.kind = Kind::kPause;
        return;
      case 4:
        fault_.kind = Kind::kSlowWorker;
        fault_.amount = static_cast<double>(random_->Between(int64_t{2}, 20));
        return;
      case 5:
        fault_.kind = Kind::kPartition;
        fault_.other = random_->Chance(0.5) ? Server() : "scheduler";
        return;
      case 6:
        fault_.kind = Kind::kBreakStreams;
        fault_.lasts = absl::ZeroDuration();
        if (random_->Chance(0.3)) fault_.target = Server();
        return;
      default:
        fault_.kind = Kind::kRunClock;
        fault_.amount = 0.25 * static_cast<double>(
                                   random_->Between(int64_t{1}, int64_t{12}));
        return;
    }
  }

  void DrawOfOthers(uint64_t sort) {
    fault_.lasts = Silence();
    fault_.target = random_->Chance(0.5) ? Server() : "scheduler";
    switch (sort) {
      case 8:
        fault_.kind = Kind::kPause;
        return;
      case 9:
        fault_.kind = Kind::kPartition;
        fault_.target = Server();
        fault_.other = random_->Chance(0.5) ? Server() : "scheduler";
        if (fault_.other == fault_.target) fault_.other = "scheduler";
        return;
      case 10:
        fault_.kind = Kind::kJumpClock;
        fault_.target = "scheduler";
        fault_.jump = Silence() * (random_->Chance(0.5) ? 1 : -1);
        fault_.lasts = absl::ZeroDuration();
        return;
      case 11:
        fault_.kind = Kind::kSlowDisk;
        fault_.target.clear();
        fault_.amount = static_cast<double>(random_->Between(int64_t{2}, 50));
        return;
      case 12:
        fault_.kind = Kind::kFillDisk;
        fault_.target.clear();
        return;
      case 13:
      case 14:
        // However long it is away: its members come back.
        fault_.kind = Kind::kCrash;
        fault_.target = "scheduler";
        fault_.lasts = Any();
        return;
      default:
        fault_.kind = options_.gentle ? Kind::kRunClock : Kind::kCrash;
        if (options_.gentle) fault_.target = Server();
        fault_.amount = options_.gentle ? 1.25 : 1;
        return;
    }
  }

  const FaultScheduleOptions& options_;
  SeededRandom* const random_;
  Fault fault_;
  absl::Duration silent_until_;
};

}  // namespace

std::vector<Fault> DrawFaults(const FaultScheduleOptions& options,
                              SeededRandom* random) {
  std::vector<absl::Duration> times;
  for (uint32_t i = 0; i < options.faults; ++i) {
    times.push_back(
        absl::Floor(random->Between(absl::ZeroDuration(), options.window),
                    absl::Milliseconds(1)));
  }
  std::sort(times.begin(), times.end());
  Schedule schedule(options, random);
  std::vector<Fault> faults;
  for (const absl::Duration time : times) {
    faults.push_back(schedule.Draw(time));
  }
  return faults;
}

}  // namespace hawser::simulation
