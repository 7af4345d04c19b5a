#include "server/grpc_exchange.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "common/wire/grpc_frame.h"
#include "server/frame_io.h"
#include "server/reply_queue.h"
#include "server/strand.h"

namespace hawser {
namespace {

using grpc::ByteBuffer;

class Exchange;

// What outlives the stream where a parked read still refers to it: the queue of
// replies, and a count of who is using the stream. The stream is finished by
// whoever lets go of it last, after Close.
class StreamEnd : public ReplySink,
                  public std::enable_shared_from_this<StreamEnd> {
 public:
  StreamEnd(Exchange* stream, Intake* intake)
      : stream_(stream), backlog_(intake) {}

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
  struct Queued {
    OutgoingFrame frame;
    Backlog::Entry entry;
  };

  void WriteNext();
  // What waits will not be sent.
  void Drop();

  Exchange* const stream_;
  std::atomic<int> holds_{1};  // one until Close
  std::atomic<bool> closed_{false};
  grpc::Status status_;

  // Replies that wait; touched on the strand.
  Strand strand_;
  Backlog backlog_;
  ReplyQueue<Queued> queue_;
  Backlog::Entry written_;  // of message_
  ByteBuffer message_;      // being written
  bool writing_ = false;
};

class Exchange : public grpc::ServerBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  explicit Exchange(Intake* intake)
      : intake_(intake), end_(std::make_shared<StreamEnd>(this, intake)) {
    const absl::Status status = intake->Admit();
    if (!status.ok()) {
      end_->Close({grpc::StatusCode::RESOURCE_EXHAUSTED,
                   std::string(status.message())});
      return;
    }
    handler_ = intake->NewHandler();
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
      intake_->CountDamaged(status);
      end_->Close({grpc::StatusCode::DATA_LOSS, std::string(status.message())});
      return;
    }
    if (end_->TryHold()) Dispatch();
  }

  void OnWriteDone(bool ok) override { end_->Written(ok); }

  void OnDone() override {
    if (handler_ != nullptr) intake_->Leave();
    delete this;
  }

 private:
  // Hands the frame on, and reads on when its taker is done with it.
  void Dispatch() {
    handler_->Handle({frame_.header(), frame_.pieces(), end_, [end = end_] {
                        if (!end->closed()) end->stream()->ReadNext();
                        end->Release();
                      }});
  }

  Intake* const intake_;
  const std::shared_ptr<StreamEnd> end_;
  std::unique_ptr<FrameHandler> handler_;  // null: not admitted
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
  const auto alive = shared_from_this();  // while this thread runs the strand
  strand_.Run([self = shared_from_this(), frame = std::move(frame)]() mutable {
    if (self->closed()) return;
    Queued queued{std::move(frame), {}};
    const absl::Status status = self->backlog_.Add(queued.frame, &queued.entry);
    if (!status.ok()) {
      self->Close({grpc::StatusCode::RESOURCE_EXHAUSTED,
                   std::string(status.message())});
      if (!self->writing_) self->Drop();
      return;
    }
    const uint32_t urgency = queued.frame.urgency;
    self->queue_.Add(urgency, std::move(queued));
    if (self->writing_) return;
    if (!self->TryHold()) {
      self->Drop();
      return;
    }
    self->writing_ = true;
    self->WriteNext();
  });
}

void StreamEnd::WriteNext() {
  Queued next = queue_.Next();
  message_ = MakeMessage(next.frame.header, std::move(next.frame.owner),
                         next.frame.payload);
  written_ = next.entry;
  stream_->StartWrite(&message_);
}

void StreamEnd::Drop() {
  while (!queue_.empty()) backlog_.Remove(queue_.Next().entry);
}

void StreamEnd::Written(bool ok) {
  const auto alive = shared_from_this();  // while this thread runs the strand
  strand_.Run([self = shared_from_this(), ok] {
    // Before the message lets go of the buffer that it counts.
    self->backlog_.Remove(self->written_);
    self->message_.Clear();
    if (!ok) self->Close({grpc::StatusCode::CANCELLED, "the peer has gone"});
    if (self->closed()) self->Drop();
    if (!self->queue_.empty()) {
      self->WriteNext();
      return;
    }
    self->writing_ = false;
    self->Release();
  });
}

}  // namespace

grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>* StartExchange(Intake* intake) {
  return new Exchange(intake);
}

}  // namespace hawser
