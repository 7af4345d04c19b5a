// Memory for a model's buffers, taken once of a backend: or only counted, so
// that the same code that takes it tells beforehand how much it will be.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_MODEL_ARENA_H_
#define HAWSER_WORKER_MODEL_ARENA_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "worker/backend/backend.h"
#include "worker/backend/matrix.h"

namespace hawser {

class Arena {
 public:
  // Only counts.
  Arena() = default;
  // backend: whose lanes will work on it; outlives it.
  explicit Arena(Backend* backend) : backend_(backend) {}

  // Not initialised, aligned to 64 bytes; null if only counted, or if there is
  // not so much, which status() then says.
  void* Take(int64_t bytes) {
    constexpr int64_t kAlignment = 64;
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    bytes_ += bytes;
    if (backend_ == nullptr || bytes == 0 || !status_.ok()) return nullptr;
    auto memory = backend_->Allocate(bytes);
    if (!memory.ok()) {
      status_ = memory.status();
      return nullptr;
    }
    taken_.push_back(*std::move(memory));
    return taken_.back().get();
  }

  Matrix TakeMatrix(int64_t rows, int64_t columns, Element element) {
    const int64_t stride = SpreadStride(columns, element);
    return {Take(rows * stride * BytesOf(element)), rows, columns, stride,
            element};
  }

  // All that was asked for.
  int64_t bytes() const { return bytes_; }
  const absl::Status& status() const { return status_; }

 private:
  Backend* const backend_ = nullptr;
  int64_t bytes_ = 0;
  absl::Status status_;
  std::vector<BackendMemory> taken_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_ARENA_H_
