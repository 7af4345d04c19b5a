// A GPU as a backend: one lane, which does whole batches. See docs/gpu.md.
//
// There are two builds of it: of nvcc for GPUs, and of the host's compiler for
// the emulation in tests/cuda_emulation.
#ifndef HAWSER_WORKER_BACKEND_CUDA_CUDA_BACKEND_H_
#define HAWSER_WORKER_BACKEND_CUDA_CUDA_BACKEND_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/backend/backend.h"

namespace hawser {

struct CudaOptions {
  int device = 0;  // as CUDA counts
  // Products in float32 round their operands to TF32 (10 bits of mantissa).
  bool tf32 = false;
  // Work that is given again is kept as CUDA graphs.
  bool graphs = true;
};

// See CudaDevice::Open for errors.
absl::StatusOr<std::unique_ptr<Backend>> MakeCudaBackend(
    const CudaOptions& options);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CUDA_CUDA_BACKEND_H_
