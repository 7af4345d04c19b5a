#include "server/grpc_exchange.h"

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/wire/grpc_frame.h"
#include "glog/logging.h"
#include "server/frame_io.h"
#include "server/strand.h"

namespace hawser {
namespace {

using grpc::ByteBuffer;

// Replies queued before the stream is cut: a peer that asks and does not read.
constexpr size_t kMaxQueued = 1 << 16;

class Exchange;

// What outlives the stream where a parked read still refers to it: the queue of
// replies, and a count of who is using the stream. The stream is finished by
// whoever lets go of it last, after Close.
class StreamEnd : public ReplySink,
                  public std::enable_shared_from_this<StreamEnd> {
 public:
  explicit StreamEnd(Exchange* stream) : stream_(stream) {}

  // Holds the stream, if it is still there; then stream() may be used until
  // Release.
  bool TryHold();
  void Release();
  Exchange* stream() const { return stream_; }

  // No more frames either way.
  void Close(grpc::Status status);
  bool closed() const { return closed_.load(); }

  void Send(OutgoingFrame frame) override;
  // A write has ended. Called with the hold that the write had.
  void Written(bool ok);

 private:
  void WriteNext();

  Exchange* const stream_;
  std::atomic<int> holds_{1};  // one until Close
  std::atomic<bool> closed_{false};
  grpc::Status status_;

  // Replies in order; touched on the strand.
  Strand strand_;
  std::deque<OutgoingFrame> queue_;
  ByteBuffer message_;  // being written
  bool writing_ = false;
};

class Exchange : public grpc::ServerBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  explicit Exchange(ServerDriver* driver)
      : driver_(driver), end_(std::make_shared<StreamEnd>(this)) {
    ReadNext();
  }

  void ReadNext() { StartRead(&message_); }

  void OnReadDone(bool ok) override {
    if (!ok) {
      end_->Close(grpc::Status::OK);
      return;
    }
    const absl::Status status = frame_.Parse(message_);
    if (!status.ok()) {
      LOG(WARNING) << "stream cut: " << status.message();
      end_->Close({grpc::StatusCode::DATA_LOSS, std::string(status.message())});
      return;
    }
    if (end_->TryHold()) Dispatch();
  }

  void OnWriteDone(bool ok) override { end_->Written(ok); }

  void OnDone() override { delete this; }

 private:
  // Hands the frame to its shard, and reads on when the shard is done with it.
  void Dispatch() {
    const FrameHeader& header = frame_.header();
    if (shard_ == nullptr || shard_->job() != header.job || shard_->closed()) {
      shard_ = driver_->Find(header.job);
    }
    IncomingFrame frame{header, frame_.pieces(), end_, [end = end_] {
                          if (!end->closed()) end->stream()->ReadNext();
                          end->Release();
                        }};
    if (shard_ != nullptr) {
      shard_->Handle(std::move(frame));
      return;
    }
    end_->Send(ErrorFrame(
        header, absl::NotFoundError(absl::StrCat("no job ", header.job))));
    frame.done();
  }

  ServerDriver* const driver_;
  const std::shared_ptr<StreamEnd> end_;
  std::shared_ptr<ParameterShard> shard_;  // of the last frame
  ByteBuffer message_;
  ReceivedFrame frame_;
};

bool StreamEnd::TryHold() {
  int holds = holds_.load();
  while (holds > 0) {
    if (holds_.compare_exchange_weak(holds, holds + 1)) return true;
  }
  return false;
}

void StreamEnd::Release() {
  if (holds_.fetch_sub(1) == 1) stream_->Finish(status_);
}

void StreamEnd::Close(grpc::Status status) {
  // The first to close says why; Finish happens after it.
  bool expected = false;
  if (!closed_.compare_exchange_strong(expected, true)) return;
  status_ = std::move(status);
  Release();
}

void StreamEnd::Send(OutgoingFrame frame) {
  strand_.Run([self = shared_from_this(), frame = std::move(frame)]() mutable {
    if (self->closed()) return;
    if (self->queue_.size() == kMaxQueued) {
      self->Close({grpc::StatusCode::RESOURCE_EXHAUSTED,
                   "too many replies wait to be read"});
      return;
    }
    self->queue_.push_back(std::move(frame));
    if (self->writing_ || !self->TryHold()) return;
    self->writing_ = true;
    self->WriteNext();
  });
}

void StreamEnd::WriteNext() {
  OutgoingFrame& next = queue_.front();
  message_ = MakeMessage(next.header, std::move(next.owner), next.payload);
  queue_.pop_front();
  stream_->StartWrite(&message_);
}

void StreamEnd::Written(bool ok) {
  strand_.Run([self = shared_from_this(), ok] {
    self->message_.Clear();
    if (!ok) self->Close({grpc::StatusCode::CANCELLED, "the peer has gone"});
    if (self->closed()) self->queue_.clear();
    if (!self->queue_.empty()) {
      self->WriteNext();
      return;
    }
    self->writing_ = false;
    self->Release();
  });
}

}  // namespace

grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>* StartExchange(
    ServerDriver* driver) {
  return new Exchange(driver);
}

}  // namespace hawser
