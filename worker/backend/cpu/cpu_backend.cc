#include "worker/backend/cpu/cpu_backend.h"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/backend/cpu/cpu_dense.h"
#include "worker/backend/cpu/cpu_lane.h"

namespace hawser {
namespace {

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(ThreadPool* pool) : pool_(pool), dense_(pool) {
    for (int i = 0; i < pool->threads(); ++i) {
      lanes_.push_back(std::make_unique<CpuLane>());
    }
  }

  absl::Status Supports(Element element) const override {
    if (element == Element::kFloat32 || CpuHasBfloat16()) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        "this CPU has no AVX-512 BF16, which precision BFLOAT16 needs; use "
        "precision FLOAT32, or workers on newer CPUs");
  }

  void ForEach(int64_t tasks,
               absl::FunctionRef<void(Lane&, int64_t)> work) override {
    pool_->ParallelFor(static_cast<int>(tasks), [&](int task, int thread) {
      work(*lanes_[static_cast<size_t>(thread)], task);
    });
  }

  int64_t panel_rows() const override { return kCpuPanelRows; }
  bool takes_whole_batches() const override { return false; }
  int64_t max_head_width() const override {
    return std::numeric_limits<int64_t>::max();
  }
  Dense& dense() override { return dense_; }
  bool works_on_host() const override { return true; }

  absl::StatusOr<BackendMemory> Allocate(int64_t bytes) override {
    constexpr int64_t kAlignment = 64;
    void* memory = std::aligned_alloc(
        kAlignment, static_cast<size_t>((bytes + kAlignment - 1) / kAlignment *
                                        kAlignment));
    if (memory == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no memory for ", bytes, " bytes"));
    }
    return BackendMemory(memory, &std::free);
  }
  void CopyIn(const void* host, int64_t bytes, void* memory) override {
    if (host != memory) std::memcpy(memory, host, static_cast<size_t>(bytes));
  }
  int64_t CopyOut(const void* memory, int64_t bytes, void* host) override {
    CopyIn(memory, bytes, host);
    return 0;
  }
  void Await(int64_t) override {}
  void AwaitAll() override {}
  std::shared_ptr<void> Pin(void*, int64_t) override { return nullptr; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  ThreadPool* const pool_;
  CpuDense dense_;
  std::vector<std::unique_ptr<CpuLane>> lanes_;
};

}  // namespace

std::unique_ptr<Backend> MakeCpuBackend(ThreadPool* pool) {
  return std::make_unique<CpuBackend>(pool);
}

}  // namespace hawser
