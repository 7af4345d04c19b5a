// Memory for a model's buffers, taken once: or only counted, so that the same
// code that takes it tells beforehand how much it will be.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_MODEL_ARENA_H_
#define HAWSER_WORKER_MODEL_ARENA_H_

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "glog/logging.h"
#include "worker/backend/matrix.h"

namespace hawser {

class Arena {
 public:
  enum class Purpose { kUse, kCount };

  explicit Arena(Purpose purpose) : purpose_(purpose) {}

  // Not initialised, aligned to 64 bytes; null if only counted.
  void* Take(int64_t bytes) {
    constexpr int64_t kAlignment = 64;
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    bytes_ += bytes;
    if (purpose_ == Purpose::kCount || bytes == 0) return nullptr;
    void* memory = std::aligned_alloc(kAlignment, static_cast<size_t>(bytes));
    CHECK(memory != nullptr) << "no memory for " << bytes << " bytes";
    taken_.emplace_back(memory, &std::free);
    return memory;
  }

  Matrix TakeMatrix(int64_t rows, int64_t columns, Element element) {
    const int64_t stride = SpreadStride(columns, element);
    return {Take(rows * stride * BytesOf(element)), rows, columns, stride,
            element};
  }

  int64_t bytes() const { return bytes_; }

 private:
  const Purpose purpose_;
  int64_t bytes_ = 0;
  std::vector<std::unique_ptr<void, decltype(&std::free)>> taken_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_ARENA_H_
