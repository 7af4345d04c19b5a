// Shows a job as it goes: on a terminal one live line with a bar, and a line
// that stays for each epoch; elsewhere a line an epoch, and one every few
// seconds.
#ifndef HAWSER_CLIENT_CLI_PROGRESS_H_
#define HAWSER_CLIENT_CLI_PROGRESS_H_

#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/time/time.h"
#include "proto/scheduler.pb.h"

namespace hawser {

// "epoch 3/10 [######------------] 31 % 84k samples/s loss 0.0812 left 12s".
std::string ProgressLine(const JobStatus& job);
// "epoch 3/10  loss 0.08, accuracy 97.6 %  validation loss ... ".
std::string EpochLine(const EpochMetrics& epoch, const JobStatus& job);
// How a job ended, in lines: validation, checkpoint, hash.
std::string Summary(const JobStatus& job);

class Progress {
 public:
  // live: the stream is a terminal, lines may be drawn over.
  Progress(std::FILE* stream, bool live);
  // Ends the live line.
  ~Progress();

  void Show(const JobStatus& job, absl::Time now);

 private:
  void PrintLine(const std::string& line);
  void ClearLive();

  std::FILE* const stream_;
  const bool live_;
  bool live_shown_ = false;
  uint64_t epochs_shown_ = 0;
  absl::Time last_line_ = absl::InfinitePast();
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_PROGRESS_H_
