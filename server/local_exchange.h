// One stream of a worker on the same host, on the server's side: frames by a
// unix socket, payloads read and written where they lie in shared memory.
//
//   the reader's thread   takes records, hands frames on, waits for the socket
//   the strand            queues and writes replies, on the thread that has one
//
// Pushes by reference are handed on without waiting for the one before, up to a
// limit; other frames when those before them are done, and one whose payload
// came over the socket is waited for. A reply's
// buffer is held until the worker says that it is done with it. A peer that is
// gone leaves its memory mapped until the last frame that uses it is done.
#ifndef HAWSER_SERVER_LOCAL_EXCHANGE_H_
#define HAWSER_SERVER_LOCAL_EXCHANGE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/file_descriptor.h"
#include "common/shared_memory.h"
#include "common/wire/local_stream.h"
#include "server/frame_io.h"
#include "server/intake.h"
#include "server/strand.h"

namespace hawser {

class LocalExchange : public ReplySink,
                      public std::enable_shared_from_this<LocalExchange> {
 public:
  // intake outlives Run.
  LocalExchange(FileDescriptor socket, FileDescriptor wake, Intake* intake);
  ~LocalExchange() override;

  // Serves the stream until it ends. Called once, by a shared_ptr's holder.
  void Run();

  // Ends Run soon. Any thread.
  void Stop();

  void Send(OutgoingFrame frame) override;
  bool NeedsChecksums() const override { return false; }

 private:
  // A reply that the peer may still read.
  struct Held {
    std::shared_ptr<const void> owner;
    Backlog::Entry entry;
  };
  struct Waiting {
    OutgoingRecord record;
    std::optional<Backlog::Entry> entry;  // of what leaves with the record
  };
  struct InHand;

  absl::Status Serve();
  absl::Status Take();
  absl::Status TakeSegment();
  absl::Status TakeFrame();
  // Hands it on; keeps: what the pieces lie in.
  void Hand(absl::Span<const char> payload, std::shared_ptr<const void> keeps);
  void AwaitInHand(int most);
  void AwaitSocket();

  // Runs it on the strand; this object outlives whoever runs the strand's
  // tasks.
  void OnStrand(absl::AnyInvocable<void(LocalExchange*)> task);
  // On the strand:
  void Queue(OutgoingFrame frame);
  void QueueInline(OutgoingFrame frame, const Backlog::Entry& entry);
  // The number of the frame's segment, announced if it is new. False: it has
  // none, or the payload is not floats alone.
  bool NumberOf(const OutgoingFrame& frame, uint32_t* number);
  void Release(uint64_t released);
  void Flush();
  // Tells the peer why, if it is there to be told.
  void Close(const absl::Status& why);

  FileDescriptor socket_;
  const FileDescriptor wake_;
  Intake* const intake_;

  // The reader's.
  LocalReader reader_;
  std::unique_ptr<FrameHandler> handler_;
  std::vector<std::shared_ptr<ForeignMemory>> segments_;
  uint64_t segment_bytes_ = 0;
  uint64_t released_ = 0;

  std::atomic<int> in_hand_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> write_waits_{false};  // for room in the socket
  // Frames by reference that were queued: what a peer can have received.
  std::atomic<uint64_t> referred_{0};

  // The strand's.
  Strand strand_;
  bool closed_ = false;
  Backlog backlog_;
  std::deque<Waiting> queue_;
  std::deque<Held> held_;  // replies by reference, until they are released
  uint64_t let_go_ = 0;    // how many were before those
  std::map<const SharedSegment*,
           std::pair<uint32_t, std::shared_ptr<const SharedSegment>>>
      announced_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_LOCAL_EXCHANGE_H_
