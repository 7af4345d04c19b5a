// A vector of the host as lanes see it: itself, where they work on the host's
// memory; else a copy in theirs, of which ranges are brought and fetched.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_BACKEND_MIRROR_H_
#define HAWSER_WORKER_BACKEND_MIRROR_H_

#include <cstdint>

#include "worker/backend/backend.h"

namespace hawser {

template <typename T>
class Mirror {
 public:
  // memory: of the lanes, for as many elements as the vector has; none where
  // they work on the host's. backend outlives it.
  Mirror(Backend* backend, void* memory)
      : backend_(backend), memory_(static_cast<T*>(memory)) {}

  // What lanes are to use for a vector that the host has at `host`.
  T* Of(T* host) const { return backend_->works_on_host() ? host : memory_; }
  const T* Of(const T* host) const {
    return backend_->works_on_host() ? host : memory_;
  }

  // Elements [first, first + count) as the host has them, for work that is
  // given later. No work that uses them may be under way.
  void Bring(const T* host, int64_t first, int64_t count) const {
    if (backend_->works_on_host()) return;
    backend_->CopyIn(host + first, count * int64_t{sizeof(T)}, memory_ + first);
  }

  // The host has them, as work given so far makes them, after Await of this.
  int64_t Fetch(int64_t first, int64_t count, T* host) const {
    if (backend_->works_on_host()) return 0;
    return backend_->CopyOut(memory_ + first, count * int64_t{sizeof(T)},
                             host + first);
  }
  void Await(int64_t fetched) const {
    if (!backend_->works_on_host()) backend_->Await(fetched);
  }

 private:
  Backend* const backend_;
  T* const memory_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_MIRROR_H_
