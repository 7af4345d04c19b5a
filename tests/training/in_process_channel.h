// A ParameterChannel straight to a server's shards in the same process: no
// network, no gRPC, the same drivers on both ends.
#ifndef HAWSER_TESTS_TRAINING_IN_PROCESS_CHANNEL_H_
#define HAWSER_TESTS_TRAINING_IN_PROCESS_CHANNEL_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "client/data_plane/parameter_channel.h"
#include "server/frame_io.h"
#include "server/server_driver.h"

namespace hawser {

class InProcessChannel : public ParameterChannel {
 public:
  // server outlives the channel.
  explicit InProcessChannel(ServerDriver* server) : server_(server) {}

  absl::StatusOr<uint64_t> GetProgress(uint64_t job,
                                       uint64_t incarnation) override {
    return server_->Progress(job, incarnation);
  }

  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    {
      absl::MutexLock lock(&inbox_->mutex);
      if (inbox_->cancelled) return absl::CancelledError("cancelled");
    }
    const auto shard = server_->Find(header.job);
    if (shard == nullptr) return absl::NotFoundError("no such job");
    // The pieces must stay until the shard is done with them; a busy block is
    // worked on by another thread.
    absl::Notification done;
    shard->Handle({header, {&payload, 1}, inbox_, [&done] { done.Notify(); }});
    done.WaitForNotification();
    return absl::OkStatus();
  }

  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use)
      override {
    OutgoingFrame frame;
    {
      absl::MutexLock lock(&inbox_->mutex);
      const auto ready = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return inbox_->cancelled || !inbox_->frames.empty();
      };
      inbox_->mutex.Await(absl::Condition(&ready));
      if (inbox_->cancelled) return absl::CancelledError("cancelled");
      frame = std::move(inbox_->frames.front());
      inbox_->frames.pop_front();
    }
    const auto header = DecodeFrameHeader(frame.header);
    if (!header.ok()) return header.status();
    const absl::Status status = CheckPayload(*header, {&frame.payload, 1});
    return status.ok() ? use(*header, {&frame.payload, 1}) : status;
  }

  void Cancel() override {
    absl::MutexLock lock(&inbox_->mutex);
    inbox_->cancelled = true;
  }

 private:
  // Outlives the channel where a parked read refers to it.
  struct Inbox : public ReplySink {
    void Send(OutgoingFrame frame) override {
      absl::MutexLock lock(&mutex);
      frames.push_back(std::move(frame));
    }
    absl::Mutex mutex;
    std::deque<OutgoingFrame> frames ABSL_GUARDED_BY(mutex);
    bool cancelled ABSL_GUARDED_BY(mutex) = false;
  };

  ServerDriver* const server_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
};

}  // namespace hawser

#endif  // HAWSER_TESTS_TRAINING_IN_PROCESS_CHANNEL_H_
