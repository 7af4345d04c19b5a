#include "server/in_process_channel.h"

#include <deque>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace hawser {
namespace {

// Outlives the channel where a parked read refers to it.
class Inbox : public ReplySink {
 public:
  explicit Inbox(Intake* intake) : backlog_(intake) {}
  ~Inbox() override { Close(absl::OkStatus()); }

  bool NeedsChecksums() const override { return false; }

  void Send(OutgoingFrame frame) override {
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    Backlog::Entry entry;
    status_ = backlog_.Add(frame, &entry);
    if (status_.ok()) {
      queue_.push_back({std::move(frame), entry});
    } else {
      closed_ = true;
    }
  }

  absl::StatusOr<OutgoingFrame> Await() {
    absl::MutexLock lock(&mutex_);
    const auto ready = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return closed_ || !queue_.empty();
    };
    mutex_.Await(absl::Condition(&ready));
    if (closed_) return status_;
    Waiting waiting = std::move(queue_.front());
    queue_.pop_front();
    backlog_.Remove(waiting.entry);
    return std::move(waiting.frame);
  }

  absl::Status status() {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

  // The first to close says why.
  void Close(const absl::Status& why) {
    absl::MutexLock lock(&mutex_);
    for (const Waiting& waiting : queue_) backlog_.Remove(waiting.entry);
    queue_.clear();
    if (std::exchange(closed_, true)) return;
    status_ = why;
  }

 private:
  struct Waiting {
    OutgoingFrame frame;
    Backlog::Entry entry;
  };

  absl::Mutex mutex_;
  Backlog backlog_ ABSL_GUARDED_BY(mutex_);
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

class InProcessChannel : public ParameterChannel {
 public:
  InProcessChannel(const ServerDriver* driver, Intake* intake)
      : driver_(driver),
        intake_(intake),
        inbox_(std::make_shared<Inbox>(intake)) {
    const absl::Status status = intake->Admit();
    if (status.ok()) {
      handler_ = intake->NewHandler();
    } else {
      inbox_->Close(status);
    }
  }

  ~InProcessChannel() override {
    inbox_->Close(absl::CancelledError("the channel is gone"));
    if (handler_ != nullptr) intake_->Leave();
  }

  absl::StatusOr<uint64_t> GetProgress(uint64_t job,
                                       uint64_t incarnation) override {
    return driver_->Progress(job, incarnation);
  }

  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    const absl::Status status = inbox_->status();
    if (!status.ok()) return status;
    if (header.payload_bytes != payload.size()) {
      return absl::InvalidArgumentError("a header of another payload");
    }
    const PayloadPieces pieces(&payload, payload.empty() ? 0 : 1);
    // The pieces must stay until the shard is done with them; a busy block is
    // worked on by another thread.
    absl::Notification done;
    handler_->Handle({header, pieces, inbox_, [&done] { done.Notify(); }});
    done.WaitForNotification();
    return absl::OkStatus();
  }

  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use)
      override {
    const auto frame = inbox_->Await();
    if (!frame.ok()) return frame.status();
    const auto header = DecodeFrameHeader(frame->header);
    if (!header.ok()) return header.status();
    return use(*header, {&frame->payload, 1});
  }

  bool NeedsChecksum(absl::Span<const char>) const override { return false; }

  void Cancel() override { inbox_->Close(absl::CancelledError("cancelled")); }

 private:
  const ServerDriver* const driver_;
  Intake* const intake_;
  const std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<FrameHandler> handler_;  // null: not admitted
};

}  // namespace

std::unique_ptr<ParameterChannel> MakeInProcessChannel(
    const ServerDriver* driver, Intake* intake) {
  return std::make_unique<InProcessChannel>(driver, intake);
}

}  // namespace hawser
