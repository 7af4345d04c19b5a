#include "worker/backend/cuda/cuda_device.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr int64_t kMebibyte = int64_t{1} << 20;

// What NVIDIA recommends for products. Given once, so that the same products
// are computed in the same way, and that no product allocates.
int64_t WorkspaceBytes(const cudaDeviceProp& properties) {
  return (properties.major >= 9 ? 32 : 4) * kMebibyte;
}

absl::Status StatusOf(cudaError_t error, const std::string& called) {
  const std::string message = absl::StrCat(
      called, ": ", cudaGetErrorName(error), ": ", cudaGetErrorString(error));
  return error == cudaErrorMemoryAllocation
             ? absl::ResourceExhaustedError(message)
             : absl::UnavailableError(message);
}

// As CUDA counts them: 13000 is 13.0.
std::string VersionOf(int number) {
  return absl::StrCat(number / 1000, ".", number % 1000 / 10);
}

// Why no device is counted, and what to do.
absl::Status NoDevice(cudaError_t error) {
  constexpr char kOrCpu[] = ", or use --device cpu";
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "there is no NVIDIA driver on this machine, or it is not given to this "
        "process (of a container: --gpus all); install one for CUDA ",
        VersionOf(runtime), kOrCpu));
  }
  if (error == cudaErrorInsufficientDriver) {
    return absl::FailedPreconditionError(
        absl::StrCat("the NVIDIA driver is of CUDA ", VersionOf(driver),
                     ", and this program of CUDA ", VersionOf(runtime),
                     "; install a newer driver", kOrCpu));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "CUDA finds no GPU (", cudaGetErrorName(error), ": ",
      cudaGetErrorString(error),
      "); see whether nvidia-smi lists it and CUDA_VISIBLE_DEVICES leaves it "
      "in, restart the machine if it has failed",
      kOrCpu));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CudaDevice>> CudaDevice::Open(int number) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return NoDevice(error);
  if (number < 0 || number >= count) {
    return absl::NotFoundError(absl::StrCat(
        "there is no GPU ", number, ": CUDA counts ", count, ", from 0 on"));
  }
  std::unique_ptr<CudaDevice> device(new CudaDevice(number));
  RETURN_IF_ERROR(device->Start());
  return device;
}

absl::Status CudaDevice::Start() {
  Use();
  Check(cudaGetDeviceProperties(&properties_, number_),
        "cudaGetDeviceProperties");
  for (cudaStream_t* stream : {&compute_, &in_, &out_}) {
    Check(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking),
          "cudaStreamCreate");
  }
  arrived_ = NewEvent();
  computed_ = NewEvent();
  if (!Check(cublasCreate(&blas_), "cublasCreate")) return status_;
  Check(cublasSetStream(blas_, compute_), "cublasSetStream");
  const int64_t bytes = WorkspaceBytes(properties_);
  ASSIGN_OR_RETURN(workspace_, Allocate(bytes));
  Check(cublasSetWorkspace(blas_, workspace_.get(), static_cast<size_t>(bytes)),
        "cublasSetWorkspace");
  return status_;
}

// What fails here fails because the device is lost: nothing is left to do.
CudaDevice::~CudaDevice() {
  cudaSetDevice(number_);
  if (compute_ != nullptr) cudaStreamSynchronize(compute_);
  if (blas_ != nullptr) cublasDestroy(blas_);
  workspace_.reset();
  copied_.push_back(arrived_);
  copied_.push_back(computed_);
  for (const cudaEvent_t event : copied_) {
    if (event != nullptr) cudaEventDestroy(event);
  }
  for (const cudaStream_t stream : {compute_, in_, out_}) {
    if (stream != nullptr) cudaStreamDestroy(stream);
  }
}

void CudaDevice::Use() { Check(cudaSetDevice(number_), "cudaSetDevice"); }

bool CudaDevice::Check(cudaError_t error, const char* called) {
  if (error == cudaSuccess || !status_.ok()) return status_.ok();
  status_ = StatusOf(error, absl::StrCat("GPU ", number_, ": ", called));
  LOG(ERROR) << status_;
  return false;
}

bool CudaDevice::Check(cublasStatus_t error, const char* called) {
  if (error == CUBLAS_STATUS_SUCCESS || !status_.ok()) return status_.ok();
  // What is behind it, if the device says so.
  if (!Check(cudaGetLastError(), called)) return false;
  status_ = absl::UnavailableError(absl::StrCat(
      "GPU ", number_, ": ", called, ": ", cublasGetStatusString(error)));
  LOG(ERROR) << status_;
  return false;
}

cudaEvent_t CudaDevice::NewEvent() {
  cudaEvent_t event = nullptr;
  Check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming),
        "cudaEventCreate");
  return event;
}

absl::StatusOr<BackendMemory> CudaDevice::Allocate(int64_t bytes) {
  if (!ok()) return status_;
  ++allocations_;
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, static_cast<size_t>(bytes));
  if (error == cudaErrorMemoryAllocation) {
    size_t free = 0, total = 0;
    cudaGetLastError();  // no error of what comes next
    cudaMemGetInfo(&free, &total);
    return absl::ResourceExhaustedError(
        absl::StrCat("GPU ", number_, ": no memory for ", bytes / kMebibyte + 1,
                     " MiB more: ", free / kMebibyte, " of ", total / kMebibyte,
                     " MiB are free"));
  }
  if (!Check(error, "cudaMalloc")) return status_;
  const int number = number_;
  return BackendMemory(memory, [number](void* freed) {
    cudaSetDevice(number);
    cudaFree(freed);
  });
}

int64_t CudaDevice::FreeBytes() {
  size_t free = 0, total = 0;
  if (ok()) Check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return static_cast<int64_t>(free);
}

void CudaDevice::CopyIn(const void* host, int64_t bytes, void* memory) {
  if (!ok() || bytes == 0) return;
  Check(cudaMemcpyAsync(memory, host, static_cast<size_t>(bytes),
                        cudaMemcpyHostToDevice, in_),
        "copy to the device");
  Check(cudaEventRecord(arrived_, in_), "cudaEventRecord");
  Check(cudaStreamWaitEvent(compute_, arrived_, 0), "cudaStreamWaitEvent");
}

int64_t CudaDevice::CopyOut(const void* memory, int64_t bytes, void* host) {
  const size_t number = copies_++;
  if (copied_.size() <= number) copied_.push_back(NewEvent());
  if (!ok()) return static_cast<int64_t>(number);
  Check(cudaEventRecord(computed_, compute_), "cudaEventRecord");
  Check(cudaStreamWaitEvent(out_, computed_, 0), "cudaStreamWaitEvent");
  if (bytes != 0) {
    Check(cudaMemcpyAsync(host, memory, static_cast<size_t>(bytes),
                          cudaMemcpyDeviceToHost, out_),
          "copy from the device");
  }
  Check(cudaEventRecord(copied_[number], out_), "cudaEventRecord");
  return static_cast<int64_t>(number);
}

void CudaDevice::Await(int64_t copy) {
  CHECK_LT(static_cast<size_t>(copy), copies_);
  if (!ok()) return;
  Check(cudaEventSynchronize(copied_[static_cast<size_t>(copy)]),
        "waiting for the device");
}

std::shared_ptr<void> CudaDevice::Pin(void* host, int64_t bytes) {
  if (!ok() || bytes == 0) return nullptr;
  const cudaError_t error = cudaHostRegister(host, static_cast<size_t>(bytes),
                                             cudaHostRegisterPortable);
  if (error != cudaSuccess) {
    LOG(WARNING) << "GPU " << number_ << ": " << bytes / kMebibyte + 1
                 << " MiB of the host's memory could not be pinned, and copies "
                    "are slower: "
                 << cudaGetErrorString(error);
    cudaGetLastError();  // no error of what comes next
    return nullptr;
  }
  return {host, [](void* pinned) { cudaHostUnregister(pinned); }};
}

void CudaDevice::AwaitAll() {
  copies_ = 0;
  for (const cudaStream_t stream : {in_, compute_, out_}) {
    if (ok()) Check(cudaStreamSynchronize(stream), "waiting for the device");
  }
}

}  // namespace hawser
