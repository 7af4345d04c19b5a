// The disk below the output root, where servers write checkpoints and the
// scheduler their manifests: files are real ones, and what goes wrong is
// simulated.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_OUTPUT_DISK_H_
#define HAWSER_TESTS_SIMULATION_OUTPUT_DISK_H_

#include <cerrno>

#include "absl/time/time.h"
#include "common/file_calls.h"
#include "tests/simulation/process.h"

namespace hawser::simulation {

// --- Faults ---
struct OutputDisk {
  bool full = false;
  double slowness = 1;
};

// As one process sees it.
class OutputCalls : public FileCalls {
 public:
  // waits: a write takes time, in which the process does other things; false:
  // it takes none. The pointers outlive it.
  OutputCalls(const OutputDisk* disk, Process* process, bool waits)
      : disk_(disk), process_(process), waits_(waits) {}

  ssize_t Write(int file, const void* data, size_t bytes) override {
    if (waits_ && disk_->slowness > 1) {
      process_->Sleep(disk_->slowness * kWrite);
    }
    if (disk_->full) {
      errno = ENOSPC;
      return -1;
    }
    return FileCalls::Write(file, data, bytes);
  }
  // What a crash of the machine loses is not simulated.
  int Fsync(int) override { return 0; }

 private:
  static constexpr absl::Duration kWrite = absl::Milliseconds(10);

  const OutputDisk* const disk_;
  Process* const process_;
  const bool waits_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_OUTPUT_DISK_H_
