// What the streams of one server share, whoever carries them: to whom their
// frames go, the limits that keep a slow or hostile peer from filling the
// memory, and counts of what was refused.
//
//   a stream        Admit -> frames to its own FrameHandler -> Leave
//   its replies     Backlog: Add when one is queued, Remove when it has left
//
// Thread-safe without locks: counts are atomics, a Backlog belongs to a stream.
#ifndef HAWSER_SERVER_INTAKE_H_
#define HAWSER_SERVER_INTAKE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/metrics/metric_families.h"
#include "server/frame_io.h"

namespace hawser {

class Intake {
 public:
  struct Limits {
    int64_t streams = 8192;
    // Replies of one stream that wait: the peer asks and does not read.
    int64_t queued_frames_of_stream = 1 << 16;
    // Memory that waiting replies keep from being used again. Of all streams
    // together a payload counts once, however many wait for it; a stream that
    // has more than its even share is cut when the total is reached.
    int64_t queued_bytes_of_stream = int64_t{8} << 30;
    int64_t queued_bytes = int64_t{16} << 30;
    // What streams keep to receive payloads in, together.
    int64_t receive_bytes = int64_t{8} << 30;
  };
  // Bytes by the machine's memory: half of it for the replies of all streams
  // together, a quarter to receive in.
  static Limits LimitsFor(int64_t memory_bytes);

  // Makes the handler of one stream's frames.
  using MakeHandler = std::function<std::unique_ptr<FrameHandler>()>;

  explicit Intake(MakeHandler make_handler) : Intake(make_handler, Limits()) {}
  Intake(MakeHandler make_handler, const Limits& limits)
      : make_handler_(std::move(make_handler)), limits_(limits) {}

  // A stream begins. RESOURCE_EXHAUSTED: there are too many.
  absl::Status Admit();
  void Leave() { streams_.fetch_sub(1); }
  // Memory to receive in, more of it. RESOURCE_EXHAUSTED: there is no more.
  absl::Status TakeMemory(int64_t bytes);
  void ReturnMemory(int64_t bytes) { receive_bytes_.fetch_sub(bytes); }
  std::unique_ptr<FrameHandler> NewHandler() { return make_handler_(); }

  // A frame that failed its checks has cut its stream.
  void CountDamaged(const absl::Status& status);
  // A peer was turned away before it had a stream.
  void CountRefused(const absl::Status& status);

  // What it tells at /metrics.
  void CollectMetrics(MetricFamilies* families) const;

  int64_t streams() const { return streams_.load(); }
  int64_t damaged_frames() const { return damaged_frames_.load(); }
  int64_t refused_streams() const { return refused_streams_.load(); }
  int64_t slow_readers() const { return slow_readers_.load(); }
  int64_t queued_bytes() const { return queued_bytes_.load(); }
  int64_t receive_bytes() const { return receive_bytes_.load(); }

 private:
  friend class Backlog;

  const MakeHandler make_handler_;
  const Limits limits_;
  std::atomic<int64_t> streams_{0};
  std::atomic<int64_t> queued_bytes_{0};
  std::atomic<int64_t> receive_bytes_{0};
  std::atomic<int64_t> damaged_frames_{0};
  std::atomic<int64_t> refused_streams_{0};
  std::atomic<int64_t> slow_readers_{0};
};

// The replies of one stream that wait. Used by one thread at a time: on the
// strand of the stream's replies.
class Backlog {
 public:
  explicit Backlog(Intake* intake) : intake_(intake) {}
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;
  // Requires that everything was removed.
  ~Backlog();

  // What has to be remembered of a reply until it is removed.
  class Entry {
   private:
    friend class Backlog;
    std::atomic<int>* waiting = nullptr;  // null: the payload is its own
    int64_t bytes = 0;
  };

  // RESOURCE_EXHAUSTED: over a limit; the reply is not added, and the stream is
  // to be cut.
  absl::Status Add(const OutgoingFrame& frame, Entry* entry);
  // The reply's memory may be used again. Its owner is still held.
  void Remove(const Entry& entry);

 private:
  Intake* const intake_;
  int64_t frames_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_INTAKE_H_
