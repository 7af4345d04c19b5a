// The CUDA backend of a build without CUDA: there is none.
#include "worker/backend/cuda/cuda_backend.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Backend>> MakeCudaBackend(const CudaOptions&) {
  return absl::UnimplementedError(
      "this program was built without CUDA; build it with `bazel build "
      "--config=cuda //:bin` (docs/gpu.md), or use --device cpu");
}

}  // namespace hawser
