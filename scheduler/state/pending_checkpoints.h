// Checkpoints of a job that are not committed: the files that its servers have
// written so far, and what has gone wrong.
//
//   a file is written (Written) by each server -> Complete -> committed
//   a server has none (Failed), or a later one is committed -> abandoned
//   its manifest cannot be written (Refuse) -> abandoned; the job's last one
//       is complete again after a pause, which doubles
//
// What fails does not end a job: it goes on without the checkpoint, and with
// the last one it waits.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_PENDING_CHECKPOINTS_H_
#define HAWSER_SCHEDULER_STATE_PENDING_CHECKPOINTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "proto/journal.pb.h"
#include "proto/scheduler.pb.h"

namespace hawser {

class PendingCheckpoints {
 public:
  // Steps that are remembered; older ones are abandoned.
  static constexpr size_t kMost = 64;
  static constexpr absl::Duration kFirstPause = absl::Seconds(1);
  static constexpr absl::Duration kLongestPause = absl::Seconds(60);
  // Of what goes wrong again and again, one in so long is told.
  static constexpr absl::Duration kTellEvery = absl::Seconds(10);

  // Of servers; a repeat changes nothing.
  void Written(uint64_t server, const CheckpointWritten& file);
  // The line for the job's log, if one is due.
  std::optional<std::string> Failed(const CheckpointFailed& failed,
                                    bool is_last, absl::Time now);
  // Its manifest could not be written; a line as above.
  std::optional<std::string> Refuse(uint64_t step, const std::string& why,
                                    bool is_last, absl::Time now);
  // Those up to this step are over.
  void Commit(const CheckpointCommitted& event);
  // All of them are over, and those after step `committed` may come anew.
  void AbandonAll(uint64_t committed);

  // The newest one, of those that may be, of which each of the servers, in this
  // order, has written its file.
  std::optional<CheckpointCommitted> Complete(
      const std::vector<uint64_t>& servers, absl::Time now,
      const std::function<bool(uint64_t step)>& may_be = [](uint64_t) {
        return true;
      }) const;
  // When one that was refused is complete again; InfiniteFuture: none is.
  absl::Time NextTry() const { return next_try_; }

  // Directories (absolute) with files of abandoned ones, since the last call.
  std::vector<CheckpointWritten> TakeAbandoned() {
    return std::exchange(abandoned_, {});
  }

  // Since the job began; and what went wrong last, empty once a checkpoint is
  // committed.
  uint64_t failed() const { return failed_; }
  uint64_t skipped() const { return skipped_; }
  const std::string& problem() const { return problem_; }

 private:
  using Files = std::map<uint64_t, CheckpointWritten>;  // by server

  void Abandon(std::map<uint64_t, Files>::iterator from,
               std::map<uint64_t, Files>::iterator to);
  std::optional<std::string> Tell(absl::Time now);

  std::map<uint64_t, Files> written_;  // by step
  std::vector<CheckpointWritten> abandoned_;
  uint64_t committed_ = 0;  // the newest
  absl::Time next_try_ = absl::InfiniteFuture();
  absl::Duration pause_ = kFirstPause;
  uint64_t failed_ = 0;
  uint64_t last_failed_ = 0;  // its step
  uint64_t skipped_ = 0;
  uint64_t last_skipped_ = 0;  // its step
  std::string problem_;
  absl::Time told_ = absl::InfinitePast();
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_PENDING_CHECKPOINTS_H_
