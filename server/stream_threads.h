// Streams with a thread each.
//
// Thread-safe.
#ifndef HAWSER_SERVER_STREAM_THREADS_H_
#define HAWSER_SERVER_STREAM_THREADS_H_

#include <memory>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace hawser {

class StreamThreads {
 public:
  class Stream {
   public:
    virtual ~Stream() = default;
    // Serves the stream until it ends.
    virtual void Run() = 0;
    // Ends Run soon. Any thread.
    virtual void Stop() = 0;
  };

  StreamThreads() = default;
  // Stops all streams and waits for them.
  ~StreamThreads();

  // RESOURCE_EXHAUSTED: the system gives no more threads; the stream does not
  // run.
  absl::Status Start(std::shared_ptr<Stream> stream);

 private:
  bool IsEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return streams_.empty();
  }

  absl::Mutex mutex_;
  std::unordered_set<std::shared_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STREAM_THREADS_H_
