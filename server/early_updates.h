// Updates of replicas that are being filled here, which come before the blocks
// do: kept until then. While none is to come, nobody takes a lock.
//
// Thread-safe.
#ifndef HAWSER_SERVER_EARLY_UPDATES_H_
#define HAWSER_SERVER_EARLY_UPDATES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "server/frame_io.h"

namespace hawser {

class EarlyUpdates {
 public:
  ~EarlyUpdates() { Await(0, {}); }

  // A new incarnation, in which replicas of `blocks` are to come. What was kept
  // is refused.
  void Await(uint64_t incarnation, std::set<uint32_t> blocks);

  // True: its block is still to come, and it is kept. False: it is the
  // caller's.
  bool Keep(IncomingFrame* frame);

  // The block has come. Gives what was kept of it to `take`, in order, before
  // any that comes later; `take` must not block.
  void Release(uint32_t block, absl::FunctionRef<void(IncomingFrame)> take);

 private:
  // How many are to come: falls when all that was kept of one is handed on, so
  // that whoever sees it go has nobody before him.
  std::atomic<size_t> awaited_{0};
  absl::Mutex mutex_;
  uint64_t incarnation_ ABSL_GUARDED_BY(mutex_) = 0;
  // By block that is to come.
  std::map<uint32_t, std::vector<IncomingFrame>> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_SERVER_EARLY_UPDATES_H_
