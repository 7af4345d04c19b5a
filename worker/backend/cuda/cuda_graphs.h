// Work that a device is given again and again, kept as graphs: as a whole it
// costs host and device less than kernel after kernel.
//
//   unknown --Give: done as it is given--> seen
//   seen --Give: captured, and launched--> kept
//   kept --Give: launched--> kept
//   kept --Give after the device's memory has changed--> as seen
//
// A graph has the addresses and numbers of the time of its capture. Numbers are
// told apart by the name; whenever memory was allocated since, every graph is
// thrown away, since what it uses may not be there any more.
//
// Thread-compatible.
#ifndef HAWSER_WORKER_BACKEND_CUDA_CUDA_GRAPHS_H_
#define HAWSER_WORKER_BACKEND_CUDA_CUDA_GRAPHS_H_

#include <cuda_runtime.h>

#include <cstdint>
#include <map>

#include "absl/functional/function_ref.h"
#include "worker/backend/backend.h"
#include "worker/backend/cuda/cuda_device.h"

namespace hawser {

class CudaGraphs {
 public:
  // device outlives it.
  explicit CudaGraphs(CudaDevice* device) : device_(device) {}
  ~CudaGraphs() { Destroy(); }
  CudaGraphs(const CudaGraphs&) = delete;
  CudaGraphs& operator=(const CudaGraphs&) = delete;

  // See Backend::GiveNamed. give: may allocate the first time.
  void Give(const WorkName& name, absl::FunctionRef<void()> give);

 private:
  cudaGraphExec_t Capture(absl::FunctionRef<void()> give);
  // Names stay seen.
  void Destroy();

  CudaDevice* const device_;
  int64_t allocations_ = 0;  // the device's, that the graphs know
  std::map<WorkName, cudaGraphExec_t> graphs_;  // null: seen
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CUDA_CUDA_GRAPHS_H_
