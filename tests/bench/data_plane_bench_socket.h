// What the kernel's TCP alone does between two processes on loopback: one
// writes, the other reads 1 MiB at a time and adds it into 64 MiB of memory (a
// push), or writes for the first to read (a pull). Sent from and received into
// one piece of 1 MiB, which stays in the caches: nothing that moves real
// vectors can be faster.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_SOCKET_H_
#define HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_SOCKET_H_

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "tests/bench/data_plane_bench_figures.h"

namespace hawser {

class SocketPair {
 public:
  // Forks the peer: before any thread is started. send_buffer: bytes that may
  // wait in the kernel, 0: as many as it likes.
  SocketPair(int streams, int send_buffer);
  ~SocketPair();

  // One operation: bytes out, added there, an answer back; bytes asked for,
  // and in.
  void Push(size_t bytes, int stream = 0);
  void Pull(size_t bytes, int stream = 0);

  // Operations of 64 MiB without a pause, on the first `streams` streams at a
  // time, for about so long.
  Work PushContinuously(double seconds, int streams);
  Work PullContinuously(double seconds, int streams);

  const ProcessorTime& processor() const { return processor_; }

 private:
  Work Continuously(double seconds, int streams, bool push);

  std::vector<int> sockets_;
  pid_t peer_;
  ProcessorTime processor_;
  std::vector<std::vector<float>> pieces_;  // by stream
};

}  // namespace hawser

#endif  // HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_SOCKET_H_
