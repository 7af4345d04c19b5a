#include "server/replica_link.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Between two tries to reach the other server.
constexpr absl::Duration kFirstPause = absl::Milliseconds(10);
constexpr absl::Duration kLongestPause = absl::Milliseconds(200);

}  // namespace

ReplicaLink::ReplicaLink(MakeChannel make_channel, Threads* threads)
    : make_channel_(std::move(make_channel)),
      threads_(threads),
      thread_(threads->Start([this] { Run(); })) {}

void ReplicaLink::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (channel_ != nullptr) channel_->Cancel();
  }
  thread_.reset();
  absl::MutexLock lock(&mutex_);
  waiting_.clear();
  sent_ = 0;
}

void ReplicaLink::Send(Update update) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return;
  waiting_.push_back(std::make_shared<const Update>(std::move(update)));
}

void ReplicaLink::Run() {
  absl::Duration pause = kFirstPause;
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      const auto needed = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || !waiting_.empty();
      };
      threads_->Await(&mutex_, absl::Condition(&needed));
    }
    const auto channel = make_channel_();
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      channel_ = channel.get();
      broken_ = false;
      works_ = false;
      sent_ = 0;
    }
    // However this ends: the channel goes with it.
    const auto forget = absl::MakeCleanup([this] {
      absl::MutexLock lock(&mutex_);
      channel_ = nullptr;
    });
    const auto receiver =
        threads_->Start([this, &channel] { Receive(channel.get()); });
    const absl::Status status = SendAll(channel.get());
    channel->Cancel();
    receiver->Join();
    if (!Pause(status, &pause)) return;
  }
}

bool ReplicaLink::Pause(const absl::Status& status, absl::Duration* pause) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return false;
  LOG_EVERY_N(WARNING, 20) << "to a server that keeps replicas: " << status;
  if (works_) *pause = kFirstPause;
  const auto stops = [this]()
                         ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_; };
  if (threads_->AwaitFor(&mutex_, absl::Condition(&stops), *pause)) {
    return false;
  }
  *pause = std::min(2 * *pause, kLongestPause);
  return true;
}

absl::Status ReplicaLink::SendAll(ParameterChannel* channel) {
  for (;;) {
    Shared next;
    {
      absl::MutexLock lock(&mutex_);
      const auto due = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || broken_ || sent_ < waiting_.size();
      };
      threads_->Await(&mutex_, absl::Condition(&due));
      if (stopping_) return absl::CancelledError("stopped");
      if (broken_) return absl::UnavailableError("the stream has ended");
      next = waiting_[sent_++];
    }
    FrameHeader header = next->header;
    header.payload_bytes = static_cast<uint32_t>(next->payload.size());
    if (channel->NeedsChecksum(next->payload)) {
      header.payload_crc32c =
          Crc32c(next->payload.data(), next->payload.size());
    }
    RETURN_IF_ERROR(channel->Send(header, next->payload));
  }
}

void ReplicaLink::Receive(ParameterChannel* channel) {
  absl::Status status;
  while (status.ok()) {
    Shared taken;
    bool is_refused = false;
    status = channel->Receive([&](const FrameHeader& header, PayloadPieces) {
      is_refused = header.kind != FrameKind::kAck;
      taken = Take(header);
      return absl::OkStatus();
    });
    if (!status.ok() || taken == nullptr) continue;
    if (is_refused) {
      LOG(WARNING) << "the replica of block " << taken->header.block
                   << " refuses an update of incarnation "
                   << taken->header.incarnation;
    } else {
      taken->answered();
    }
  }
  absl::MutexLock lock(&mutex_);
  broken_ = true;
}

ReplicaLink::Shared ReplicaLink::Take(const FrameHeader& answer) {
  absl::MutexLock lock(&mutex_);
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Shared& update) {
        return update->header.block == answer.block &&
               update->header.clock == answer.clock &&
               update->header.position == answer.position &&
               update->header.incarnation == answer.incarnation;
      });
  if (found == waiting_.end()) return nullptr;
  works_ = true;
  Shared taken = *found;
  if (static_cast<size_t>(found - waiting_.begin()) < sent_) --sent_;
  waiting_.erase(found);
  return taken;
}

}  // namespace hawser
