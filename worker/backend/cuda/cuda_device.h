// One GPU: its streams, its memory and what has gone wrong with it.
//
//   compute  kernels and products, in the order given
//   in       copies to the device, which compute waits for
//   out      copies from the device, which wait for the compute before them
//
// The first error of any call stays: from then on nothing is done, and status()
// tells.
//
// Thread-compatible.
#ifndef HAWSER_WORKER_BACKEND_CUDA_CUDA_DEVICE_H_
#define HAWSER_WORKER_BACKEND_CUDA_CUDA_DEVICE_H_

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/backend/backend.h"

namespace hawser {

class CudaDevice {
 public:
  // number: as CUDA counts. NOT_FOUND: there is no such device.
  // FAILED_PRECONDITION: it cannot be used. RESOURCE_EXHAUSTED: no memory.
  static absl::StatusOr<std::unique_ptr<CudaDevice>> Open(int number);
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  // Makes it the calling thread's device.
  void Use();

  cudaStream_t compute() const { return compute_; }
  cublasHandle_t blas() const { return blas_; }
  const cudaDeviceProp& properties() const { return properties_; }

  // Notes an error of what was called. True: none so far.
  bool Check(cudaError_t error, const char* called);
  bool Check(cublasStatus_t error, const char* called);
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

  // See Backend.
  absl::StatusOr<BackendMemory> Allocate(int64_t bytes);
  int64_t FreeBytes();
  // How often Allocate was called.
  int64_t allocations() const { return allocations_; }
  void CopyIn(const void* host, int64_t bytes, void* memory);
  int64_t CopyOut(const void* memory, int64_t bytes, void* host);
  void Await(int64_t copy);
  void AwaitAll();
  std::shared_ptr<void> Pin(void* host, int64_t bytes);

 private:
  explicit CudaDevice(int number) : number_(number) {}
  absl::Status Start();
  cudaEvent_t NewEvent();

  const int number_;
  cudaDeviceProp properties_ = {};
  cudaStream_t compute_ = nullptr;
  cudaStream_t in_ = nullptr;
  cudaStream_t out_ = nullptr;
  cudaEvent_t arrived_ = nullptr;   // the last copy to the device
  cudaEvent_t computed_ = nullptr;  // what the last copy from it waits for
  cublasHandle_t blas_ = nullptr;
  BackendMemory workspace_;  // of products
  // Of copies from the device, by number.
  std::vector<cudaEvent_t> copied_;
  size_t copies_ = 0;
  int64_t allocations_ = 0;
  absl::Status status_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CUDA_CUDA_DEVICE_H_
