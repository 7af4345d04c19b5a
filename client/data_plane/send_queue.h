// Frames on their way to one server, the most urgent first: a large block that
// is not needed soon delays a small urgent one by no more than the one message
// that is being sent.
//
// They are sent by a thread of the queue's own, so that whoever computes goes
// on computing; or, by kCaller, at once by the caller, who has nothing better
// to do, which spares a change of threads.
//
// Thread-safe.
#ifndef HAWSER_CLIENT_DATA_PLANE_SEND_QUEUE_H_
#define HAWSER_CLIENT_DATA_PLANE_SEND_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "client/data_plane/parameter_channel.h"
#include "common/codec/codec.h"
#include "common/threads.h"
#include "common/trace/trace_recorder.h"
#include "common/wire/frame.h"

namespace hawser {

class SendQueue {
 public:
  // How a payload of floats is written just before it is sent.
  struct Encoding {
    const Codec* codec = nullptr;  // null: as it lies
    float* residual = nullptr;     // of a codec that keeps one
    char* bytes = nullptr;         // where to, unchanged as a payload is
  };
  struct Frame {
    uint32_t urgency = 0;  // smaller is sooner; of equals, the first added
    FrameHeader header;    // its payload fields are filled in here
    // Unchanged for as long as ParameterChannel::Send asks for.
    absl::Span<const char> payload;
    Encoding encoding;
    TraceScope trace = {};  // of a push
    uint64_t to = 0;        // the server's node, for the trace
  };
  enum class By { kThread, kCaller };

  // failed: called once, with the first error; nothing is sent any more. It
  // must not call the queue. channel and threads outlive the queue.
  SendQueue(ParameterChannel* channel, Threads* threads,
            std::function<void(const absl::Status&)> failed);
  // Waits for the frame that is being sent: cancel the channel first. What
  // still waits is dropped.
  ~SendQueue();

  void Add(absl::Span<const Frame> frames, By by);

  // Header and payload bytes handed to the channel.
  uint64_t sent_bytes() const { return sent_bytes_.load(); }

 private:
  struct Waiting {
    uint64_t number;
    Frame frame;
    // For a heap with the most urgent one on top.
    friend bool operator<(const Waiting& a, const Waiting& b) {
      if (a.frame.urgency != b.frame.urgency) {
        return a.frame.urgency > b.frame.urgency;
      }
      return a.number > b.number;
    }
  };

  void RunThread();
  void SendOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Send(Frame frame);

  ParameterChannel* const channel_;
  Threads* const threads_;
  const std::function<void(const absl::Status&)> failed_;
  std::atomic<uint64_t> sent_bytes_{0};

  absl::Mutex mutex_;
  std::vector<Waiting> heap_ ABSL_GUARDED_BY(mutex_);
  uint64_t added_ ABSL_GUARDED_BY(mutex_) = 0;
  bool sending_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_SEND_QUEUE_H_
