// One stream of a worker on a connection of its own, on the server's side:
// frames as they are (common/wire/direct_stream.h).
//
// The first frame says who the worker is. One frame is in hand at a time: the
// next is taken when the shard is done with it, so that a sender cannot fill
// the memory. Replies leave by urgency, and their payload is never copied.
#ifndef HAWSER_SERVER_DIRECT_EXCHANGE_H_
#define HAWSER_SERVER_DIRECT_EXCHANGE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/file_descriptor.h"
#include "common/wire/direct_stream.h"
#include "server/frame_io.h"
#include "server/intake.h"
#include "server/reply_queue.h"
#include "server/socket_exchange.h"

namespace hawser {

class DirectExchange : public SocketExchange {
 public:
  // Whether whoever says this of itself ("Bearer TOKEN", or nothing) may have a
  // stream.
  using Admit = std::function<absl::Status(absl::string_view authorization)>;

  // As SocketExchange. patience: until the first frame.
  DirectExchange(FileDescriptor socket, FileDescriptor wake, Intake* intake,
                 Admit admit, absl::Duration patience);

 private:
  struct Waiting {
    OutgoingDirectFrame frame;
    std::optional<Backlog::Entry> entry;  // of what leaves with it
  };

  absl::StatusOr<bool> TakeNext() override;
  void StopReading() override;
  absl::Status Open();
  absl::Status Reserve(size_t bytes);

  void Queue(OutgoingFrame frame, const Backlog::Entry& entry) override;
  absl::StatusOr<bool> SendQueued() override;
  void QueueEnd(const absl::Status& why) override;
  void Drop() override;
  void DropAll() override;
  void Remove(const Waiting& waiting);
  void Count(const absl::Status& why) override;

  // The reader's thread's.
  const Admit admit_;
  int64_t reserved_ = 0;                // bytes
  std::optional<DirectReader> reader_;  // until nothing is read any more
  bool is_open_ = false;

  // The strand's.
  ReplyQueue<Waiting> queue_;
  std::optional<Waiting> leaving_;  // the next, or what has left in part
};

}  // namespace hawser

#endif  // HAWSER_SERVER_DIRECT_EXCHANGE_H_
