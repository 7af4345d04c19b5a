#include "worker/backend/cuda/cuda_backend.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cuda/attention_kernels.h"
#include "worker/backend/cuda/cuda_dense.h"
#include "worker/backend/cuda/cuda_device.h"
#include "worker/backend/cuda/cuda_graphs.h"
#include "worker/backend/cuda/cuda_lane.h"

namespace hawser {
namespace {

// Rows of a panel: enough to fill a GPU, few enough for the scratch memory of a
// panel to stay small beside the activations.
constexpr int64_t kPanelRows = 16384;

constexpr size_t kWideHeadsBytes = 72 << 10;

class CudaBackend : public Backend {
 public:
  CudaBackend(std::unique_ptr<CudaDevice> device, const CudaOptions& options)
      : device_(std::move(device)),
        lane_(device_.get(), options.tf32),
        dense_(device_.get(), &lane_),
        uses_graphs_(options.graphs),
        graphs_(device_.get()) {}

  absl::Status Supports(Element element) const override {
    const cudaDeviceProp& properties = device_->properties();
    if (element == Element::kFloat32 || properties.major >= 8) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(absl::StrCat(
        "this GPU, ", properties.name,
        ", has no bfloat16, which precision BFLOAT16 needs (compute "
        "capability 8.0); use precision FLOAT32, or a newer GPU"));
  }

  void ForEach(int64_t tasks,
               absl::FunctionRef<void(Lane&, int64_t)> work) override {
    device_->Use();
    for (int64_t i = 0; i < tasks; ++i) work(lane_, i);
  }

  int64_t panel_rows() const override { return kPanelRows; }
  bool takes_whole_batches() const override { return true; }
  int64_t max_head_width() const override {
    // Wider heads need more shared memory than some GPUs have.
    return device_->properties().sharedMemPerBlockOptin < kWideHeadsBytes
               ? cuda::kMaxHeadWidth / 2
               : cuda::kMaxHeadWidth;
  }
  Dense& dense() override { return dense_; }
  bool works_on_host() const override { return false; }

  absl::StatusOr<BackendMemory> Allocate(int64_t bytes) override {
    device_->Use();
    return device_->Allocate(bytes);
  }
  int64_t FreeBytes() override {
    device_->Use();
    return device_->FreeBytes();
  }
  void GiveNamed(const WorkName& name,
                 absl::FunctionRef<void()> give) override {
    if (!uses_graphs_) {
      give();
      return;
    }
    device_->Use();
    graphs_.Give(name, give);
  }
  void CopyIn(const void* host, int64_t bytes, void* memory) override {
    device_->Use();
    device_->CopyIn(host, bytes, memory);
  }
  int64_t CopyOut(const void* memory, int64_t bytes, void* host) override {
    device_->Use();
    return device_->CopyOut(memory, bytes, host);
  }
  void Await(int64_t copy) override { device_->Await(copy); }
  void AwaitAll() override { device_->AwaitAll(); }
  std::shared_ptr<void> Pin(void* host, int64_t bytes) override {
    device_->Use();
    return device_->Pin(host, bytes);
  }
  absl::Status status() const override { return device_->status(); }

 private:
  const std::unique_ptr<CudaDevice> device_;
  CudaLane lane_;
  CudaDense dense_;
  const bool uses_graphs_;
  CudaGraphs graphs_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> MakeCudaBackend(
    const CudaOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<CudaDevice> device,
                   CudaDevice::Open(options.device));
  return std::make_unique<CudaBackend>(std::move(device), options);
}

}  // namespace hawser
