// The scheduler's disk, which outlives its crashes. Writing takes virtual time:
// the process is busy, and what it says leaves when the write is durable. A
// crash before that keeps or loses the writes under way, the later ones first;
// nobody was told of them.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_DISK_H_
#define HAWSER_TESTS_SIMULATION_DISK_H_

#include <deque>
#include <functional>
#include <vector>

#include "scheduler/journal.h"
#include "tests/simulation/process.h"
#include "tests/simulation/seeded_random.h"

namespace hawser::simulation {

class Disk : public Journal {
 public:
  // The pointers outlive the disk.
  Disk(const World& world, Process* process, absl::Duration mean_write,
       SeededRandom random)
      : world_(world),
        process_(process),
        mean_write_(mean_write),
        random_(random) {}

  // --- Journal ---
  absl::Status Append(const std::vector<JournalEvent>& events) override;
  absl::Status Replay(
      const std::function<void(const JournalEvent&)>& apply) override;

  absl::Status Rewrite(const Rewriter& rewrite) override;
  absl::Status CheckLeads() const override { return absl::OkStatus(); }

  // --- Faults ---
  void SetSlowness(double slowness) { slowness_ = slowness; }
  void SetFull(bool full) { full_ = full; }
  // The process crashes now.
  void Crash();

 private:
  struct Write {
    absl::Time durable_at;
    std::vector<JournalEvent> events;
    bool replaces = false;  // all writes before
  };

  void Add(Write write);

  const World world_;
  Process* const process_;
  const absl::Duration mean_write_;
  SeededRandom random_;
  double slowness_ = 1;
  bool full_ = false;
  std::deque<Write> writes_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_DISK_H_
