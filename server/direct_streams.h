// Streams of workers on connections of their own: a thread each.
#ifndef HAWSER_SERVER_DIRECT_STREAMS_H_
#define HAWSER_SERVER_DIRECT_STREAMS_H_

#include <array>

#include "absl/time/time.h"
#include "common/file_descriptor.h"
#include "common/security/access_guard.h"
#include "common/wire/frame.h"
#include "server/intake.h"
#include "server/stream_threads.h"

namespace hawser {

// Thread-safe.
class DirectStreams {
 public:
  struct Options {
    // A worker that connects and says nothing is cut after so long; one that
    // has been silent for so long is probed, and cut within half of it more.
    absl::Duration silence = absl::Seconds(20);
    // Null: whoever connects may have a stream.
    const AccessGuard* guard = nullptr;
  };

  // intake and guard outlive it.
  DirectStreams(Intake* intake, const Options& options)
      : intake_(intake), options_(options) {}

  // How a connection for them begins (SharedPort).
  static constexpr std::array<char, 4> kMagic = kFrameMagic;

  // Serves whoever has connected. The socket does not block; nothing of it has
  // been read.
  void Take(FileDescriptor socket);

 private:
  Intake* const intake_;
  const Options options_;
  StreamThreads threads_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_DIRECT_STREAMS_H_
