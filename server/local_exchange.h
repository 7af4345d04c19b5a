// One stream of a worker on the same host, on the server's side: frames by a
// unix socket, payloads read and written where they lie in shared memory.
//
// Pushes by reference are handed on without waiting for the one before, up to a
// limit; other frames when those before them are done, and one whose payload
// came over the socket is waited for. A reply's buffer is held until the worker
// says that it is done with it.
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

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file_descriptor.h"
#include "common/shared_memory.h"
#include "common/wire/local_stream.h"
#include "server/frame_io.h"
#include "server/intake.h"
#include "server/socket_exchange.h"

namespace hawser {

class LocalExchange : public SocketExchange {
 public:
  // As SocketExchange.
  LocalExchange(FileDescriptor socket, FileDescriptor wake, Intake* intake);
  ~LocalExchange() override;

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

  absl::StatusOr<bool> TakeNext() override;
  void StopReading() override { segments_.clear(); }
  absl::Status TakeSegment();
  absl::Status TakeFrame();

  void Queue(OutgoingFrame frame, const Backlog::Entry& entry) override;
  void QueueInline(OutgoingFrame frame, const Backlog::Entry& entry);
  // The number of the frame's segment, announced if it is new. False: it has
  // none, or the payload is not floats alone.
  bool NumberOf(const OutgoingFrame& frame, uint32_t* number);
  void Release(uint64_t released);
  absl::StatusOr<bool> SendQueued() override;
  void QueueEnd(const absl::Status& why) override;
  void Drop() override;
  void DropAll() override;
  void Remove(const Waiting& waiting);

  // The reader's.
  LocalReader reader_;
  std::vector<std::shared_ptr<ForeignMemory>> segments_;
  uint64_t segment_bytes_ = 0;
  uint64_t released_ = 0;

  // Frames by reference that were queued: what a peer can have received.
  std::atomic<uint64_t> referred_{0};

  // The strand's.
  std::deque<Waiting> queue_;
  std::deque<Held> held_;  // replies by reference, until they are released
  uint64_t let_go_ = 0;    // how many were before those
  std::map<const SharedSegment*,
           std::pair<uint32_t, std::shared_ptr<const SharedSegment>>>
      announced_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_LOCAL_EXCHANGE_H_
