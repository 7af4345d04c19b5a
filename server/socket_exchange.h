// One stream of a worker on a socket of its own, on the server's side, whatever
// lies on the socket:
//
//   the reader's thread   takes frames, hands them on, waits for the socket
//   the strand            queues and writes replies, on the thread that has one
//
// A stream whose replies pile up is cut. A peer that is gone leaves what its
// frames lie in alive until the last of them is done.
#ifndef HAWSER_SERVER_SOCKET_EXCHANGE_H_
#define HAWSER_SERVER_SOCKET_EXCHANGE_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/file_descriptor.h"
#include "server/frame_io.h"
#include "server/intake.h"
#include "server/strand.h"
#include "server/stream_threads.h"

namespace hawser {

class SocketExchange : public ReplySink,
                       public StreamThreads::Stream,
                       public std::enable_shared_from_this<SocketExchange> {
 public:
  // Called once, by a shared_ptr's holder.
  void Run() override;
  void Stop() override;
  void Send(OutgoingFrame frame) override;

 protected:
  // socket and wake, an eventfd, do not block. intake outlives Run.
  SocketExchange(FileDescriptor socket, FileDescriptor wake, Intake* intake);
  ~SocketExchange() override;

  // --- The reader's thread ---

  // Takes what comes next, and hands it on if it is a frame. False: it is not
  // there yet. UNAVAILABLE: the peer has closed. Other errors: it has sent what
  // makes no sense.
  virtual absl::StatusOr<bool> TakeNext() = 0;
  // A peer of which nothing has come then is cut. The default: never.
  void SetLimit(absl::Time limit) { limit_ = limit; }
  // No frame is in hand any more, and none will be.
  virtual void StopReading() {}

  // Hands a frame on; keeps: what the payload lies in.
  void Hand(const FrameHeader& header, absl::Span<const char> payload,
            std::shared_ptr<const void> keeps);
  // Until no more than so many frames are in hand.
  void AwaitInHand(int most);

  // Runs it on the strand; this object outlives whoever runs the strand's
  // tasks.
  void OnStrand(absl::AnyInvocable<void()> task);

  // --- On the strand ---

  // entry: to be removed from the backlog when the frame has left, or is
  // dropped.
  virtual void Queue(OutgoingFrame frame, const Backlog::Entry& entry) = 0;
  // Sends what is queued. False: the socket takes no more now. UNAVAILABLE: the
  // peer has gone.
  virtual absl::StatusOr<bool> SendQueued() = 0;
  // What tells the peer why the stream ends, as the last that it is sent.
  virtual void QueueEnd(const absl::Status& why) = 0;
  // Lets go of all that is queued, but not of what has left in part.
  virtual void Drop() = 0;
  // Lets go of that, too.
  virtual void DropAll() = 0;

  // What is cut off, or refused, is told of and counted. The default: as
  // damaged.
  virtual void Count(const absl::Status& why) { intake_->CountDamaged(why); }

  const FileDescriptor& socket() const { return socket_; }
  Backlog* backlog() { return &backlog_; }
  Intake* intake() const { return intake_; }

 private:
  struct InHand;

  absl::Status Serve();
  absl::Status AwaitSocket(int16_t events);
  void AwaitLastSent();
  void SendOn();
  void Add(OutgoingFrame frame);
  void Flush();
  void Close(const absl::Status& why);

  FileDescriptor socket_;
  const FileDescriptor wake_;
  Intake* const intake_;
  // The reader's.
  std::unique_ptr<FrameHandler> handler_;
  absl::Time limit_ = absl::InfiniteFuture();

  std::atomic<int> in_hand_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ending_{false};       // nothing more is read
  std::atomic<bool> write_waits_{false};  // for room in the socket

  // The strand's.
  Strand strand_;
  bool closed_ = false;  // nothing more is queued
  bool gone_ = false;    // nothing more is sent
  Backlog backlog_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_SOCKET_EXCHANGE_H_
