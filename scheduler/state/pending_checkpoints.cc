#include "scheduler/state/pending_checkpoints.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace hawser {

void PendingCheckpoints::Written(uint64_t server,
                                 const CheckpointWritten& file) {
  if (file.step() <= committed_) return;
  written_[file.step()][server] = file;
  if (written_.size() > kMost) {
    Abandon(written_.begin(), std::next(written_.begin()));
  }
}

std::optional<std::string> PendingCheckpoints::Failed(
    const CheckpointFailed& failed, bool is_last, absl::Time now) {
  if (failed.step() <= committed_) return std::nullopt;
  if (failed.skipped_steps_size() != 0) {
    for (const uint64_t step : failed.skipped_steps()) {
      if (step > last_skipped_) ++skipped_;
      last_skipped_ = std::max(last_skipped_, step);
      const auto found = written_.find(step);
      if (found != written_.end()) Abandon(found, std::next(found));
    }
    problem_ = absl::StrCat("checkpoint of step ", failed.step(),
                            " skipped: ", failed.message());
    return Tell(now);
  }
  // All servers fail when a disk is full that they share.
  if (failed.step() != last_failed_) ++failed_;
  last_failed_ = failed.step();
  problem_ = absl::StrCat(
      is_last ? "the last checkpoint, of step " : "checkpoint of step ",
      failed.step(), ": ", failed.message(),
      is_last ? "; it is tried again" : "; the job goes on without it");
  if (!is_last) {
    const auto found = written_.find(failed.step());
    if (found != written_.end()) Abandon(found, std::next(found));
  }
  return Tell(now);
}

std::optional<std::string> PendingCheckpoints::Refuse(uint64_t step,
                                                      const std::string& why,
                                                      bool is_last,
                                                      absl::Time now) {
  CheckpointFailed failed;
  failed.set_step(step);
  failed.set_message(why);
  if (is_last) {
    next_try_ = now + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
  }
  return Failed(failed, is_last, now);
}

std::optional<std::string> PendingCheckpoints::Tell(absl::Time now) {
  if (now - told_ < kTellEvery) return std::nullopt;
  told_ = now;
  return problem_;
}

void PendingCheckpoints::Commit(const CheckpointCommitted& event) {
  committed_ = event.step();
  const auto own = written_.find(event.step());
  if (own != written_.end()) written_.erase(own);
  Abandon(written_.begin(), written_.upper_bound(event.step()));
  next_try_ = absl::InfiniteFuture();
  pause_ = kFirstPause;
  problem_.clear();
  told_ = absl::InfinitePast();
}

void PendingCheckpoints::AbandonAll(uint64_t committed) {
  Abandon(written_.begin(), written_.end());
  committed_ = committed;
  next_try_ = absl::InfiniteFuture();
}

void PendingCheckpoints::Abandon(std::map<uint64_t, Files>::iterator from,
                                 std::map<uint64_t, Files>::iterator to) {
  for (auto it = from; it != to; ++it) {
    for (const auto& [server, file] : it->second) abandoned_.push_back(file);
  }
  written_.erase(from, to);
}

std::optional<CheckpointCommitted> PendingCheckpoints::Complete(
    const std::vector<uint64_t>& servers, absl::Time now,
    const std::function<bool(uint64_t step)>& may_be) const {
  if (servers.empty()) return std::nullopt;
  if (next_try_ != absl::InfiniteFuture() && now < next_try_) {
    return std::nullopt;
  }
  for (auto it = written_.rbegin(); it != written_.rend(); ++it) {
    if (!may_be(it->first)) continue;
    CheckpointCommitted complete;
    complete.set_step(it->first);
    for (const uint64_t server : servers) {
      const auto file = it->second.find(server);
      if (file == it->second.end()) break;
      *complete.add_files() = file->second;
    }
    if (static_cast<size_t>(complete.files_size()) != servers.size()) continue;
    complete.set_directory(complete.files(0).directory());
    return complete;
  }
  return std::nullopt;
}

}  // namespace hawser
