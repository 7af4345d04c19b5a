#include "worker/backend/cpu/cpu_backend.h"

#include <vector>

#include "worker/backend/cpu/cpu_lane.h"

namespace hawser {
namespace {

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(ThreadPool* pool) : pool_(pool) {
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

 private:
  ThreadPool* const pool_;
  std::vector<std::unique_ptr<CpuLane>> lanes_;
};

}  // namespace

std::unique_ptr<Backend> MakeCpuBackend(ThreadPool* pool) {
  return std::make_unique<CpuBackend>(pool);
}

}  // namespace hawser
