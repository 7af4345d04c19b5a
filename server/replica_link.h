// The way from a server to another one that keeps replicas of its blocks: takes
// updates, in order, and says of each when the other server has it
// (docs/wire_format.md, "Replicas").
//
// A stream that breaks is opened anew, and what was not answered sent again: a
// repeat changes nothing there. What is refused is not answered: the other
// server follows another plan, and this one is about to.
//
// Thread-safe, but Stop is called by one thread.
#ifndef HAWSER_SERVER_REPLICA_LINK_H_
#define HAWSER_SERVER_REPLICA_LINK_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/data_plane/parameter_channel.h"
#include "common/threads.h"
#include "common/wire/frame.h"

namespace hawser {

class ReplicaLink {
 public:
  using MakeChannel = std::function<std::unique_ptr<ParameterChannel>()>;

  struct Update {
    FrameHeader header;  // its checksum is the link's to fill in
    // Does not change until the answer, or Stop.
    absl::Span<const char> payload;
    std::shared_ptr<const void> owner;  // of the payload
    // Called on the link's thread.
    std::function<void()> answered;
  };

  // threads outlive it.
  ReplicaLink(MakeChannel make_channel, Threads* threads);
  ~ReplicaLink() { Stop(); }

  // Returns at once. After Stop it does nothing.
  void Send(Update update);

  // Nothing is read, or answered, when this has returned.
  void Stop();

 private:
  using Shared = std::shared_ptr<const Update>;

  void Run();
  // After a stream has ended; false: it stops.
  bool Pause(const absl::Status& status, absl::Duration* pause);
  absl::Status SendAll(ParameterChannel* channel);
  void Receive(ParameterChannel* channel);
  // Takes it from those that wait; null: it is none of them.
  Shared Take(const FrameHeader& answer);

  const MakeChannel make_channel_;
  Threads* const threads_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // the stream
  bool works_ ABSL_GUARDED_BY(mutex_) = false;   // something was answered
  ParameterChannel* channel_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::deque<Shared> waiting_ ABSL_GUARDED_BY(mutex_);  // for their answers
  size_t sent_ ABSL_GUARDED_BY(mutex_) = 0;             // of them
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_REPLICA_LINK_H_
