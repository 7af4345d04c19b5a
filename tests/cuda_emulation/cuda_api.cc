// The part of CUDA and cuBLAS that worker/backend/cuda uses, as a compiler sees
// it: functions and what names stand for. Part of the emulation, and compiled
// by cuda_api_test.py with NVIDIA's headers, so that what is built with the
// ones is built with the others and means the same.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <type_traits>

namespace {

#define HAWSER_IS(name, ...) \
  [[maybe_unused]] constexpr std::type_identity_t<__VA_ARGS__> k##name = &name

HAWSER_IS(cudaGetErrorName, const char* (*)(cudaError_t));
HAWSER_IS(cudaGetErrorString, const char* (*)(cudaError_t));
HAWSER_IS(cudaGetLastError, cudaError_t (*)());
HAWSER_IS(cudaDriverGetVersion, cudaError_t (*)(int*));
HAWSER_IS(cudaRuntimeGetVersion, cudaError_t (*)(int*));
HAWSER_IS(cudaGetDeviceCount, cudaError_t (*)(int*));
HAWSER_IS(cudaSetDevice, cudaError_t (*)(int));
HAWSER_IS(cudaGetDeviceProperties, cudaError_t (*)(cudaDeviceProp*, int));
HAWSER_IS(cudaMemGetInfo, cudaError_t (*)(size_t*, size_t*));
HAWSER_IS(cudaMalloc, cudaError_t (*)(void**, size_t));
HAWSER_IS(cudaFree, cudaError_t (*)(void*));
HAWSER_IS(cudaHostRegister, cudaError_t (*)(void*, size_t, unsigned));
HAWSER_IS(cudaHostUnregister, cudaError_t (*)(void*));
HAWSER_IS(cudaMemcpyAsync, cudaError_t (*)(void*, const void*, size_t,
                                           cudaMemcpyKind, cudaStream_t));
HAWSER_IS(cudaStreamCreateWithFlags, cudaError_t (*)(cudaStream_t*, unsigned));
HAWSER_IS(cudaStreamDestroy, cudaError_t (*)(cudaStream_t));
HAWSER_IS(cudaStreamSynchronize, cudaError_t (*)(cudaStream_t));
HAWSER_IS(cudaStreamWaitEvent,
          cudaError_t (*)(cudaStream_t, cudaEvent_t, unsigned));
HAWSER_IS(cudaEventCreateWithFlags, cudaError_t (*)(cudaEvent_t*, unsigned));
HAWSER_IS(cudaEventDestroy, cudaError_t (*)(cudaEvent_t));
HAWSER_IS(cudaEventRecord, cudaError_t (*)(cudaEvent_t, cudaStream_t));
HAWSER_IS(cudaEventSynchronize, cudaError_t (*)(cudaEvent_t));
HAWSER_IS(cudaStreamBeginCapture,
          cudaError_t (*)(cudaStream_t, cudaStreamCaptureMode));
HAWSER_IS(cudaStreamEndCapture, cudaError_t (*)(cudaStream_t, cudaGraph_t*));
HAWSER_IS(cudaGraphInstantiateWithFlags,
          cudaError_t (*)(cudaGraphExec_t*, cudaGraph_t,
                          unsigned long long));  // NOLINT
HAWSER_IS(cudaGraphLaunch, cudaError_t (*)(cudaGraphExec_t, cudaStream_t));
HAWSER_IS(cudaGraphDestroy, cudaError_t (*)(cudaGraph_t));
HAWSER_IS(cudaGraphExecDestroy, cudaError_t (*)(cudaGraphExec_t));
HAWSER_IS(cudaFuncSetAttribute,
          cudaError_t (*)(const void*, cudaFuncAttribute, int));

HAWSER_IS(cublasGetStatusString, const char* (*)(cublasStatus_t));
HAWSER_IS(cublasCreate, cublasStatus_t (*)(cublasHandle_t*));
HAWSER_IS(cublasDestroy, cublasStatus_t (*)(cublasHandle_t));
HAWSER_IS(cublasSetStream, cublasStatus_t (*)(cublasHandle_t, cudaStream_t));
HAWSER_IS(cublasSetWorkspace,
          cublasStatus_t (*)(cublasHandle_t, void*, size_t));
HAWSER_IS(cublasGemmEx,
          cublasStatus_t (*)(cublasHandle_t, cublasOperation_t,
                             cublasOperation_t, int, int, int, const void*,
                             const void*, cudaDataType, int, const void*,
                             cudaDataType, int, const void*, void*,
                             cudaDataType, int, cublasComputeType_t,
                             cublasGemmAlgo_t));

static_assert(cudaSuccess == 0 && cudaErrorInvalidValue == 1);
static_assert(cudaErrorMemoryAllocation == 2);
static_assert(cudaErrorInsufficientDriver == 35);
static_assert(cudaErrorDevicesUnavailable == 46 && cudaErrorNoDevice == 100);
static_assert(cudaErrorInvalidDevice == 101 && cudaErrorIllegalAddress == 700);
static_assert(cudaErrorLaunchFailure == 719);
static_assert(cudaErrorStreamCaptureUnsupported == 900);
static_assert(cudaStreamCaptureModeThreadLocal == 1);
static_assert(cudaMemcpyHostToDevice == 1 && cudaMemcpyDeviceToHost == 2);
static_assert(cudaMemcpyDeviceToDevice == 3);
static_assert(cudaFuncAttributeMaxDynamicSharedMemorySize == 8);
static_assert(cudaStreamNonBlocking == 1 && cudaEventDisableTiming == 2);
static_assert(cudaHostRegisterPortable == 1);
static_assert(CUBLAS_STATUS_SUCCESS == 0 && CUBLAS_STATUS_INVALID_VALUE == 7);
static_assert(CUBLAS_STATUS_EXECUTION_FAILED == 13);
static_assert(CUBLAS_OP_N == 0 && CUBLAS_OP_T == 1);
static_assert(CUBLAS_COMPUTE_32F == 68 && CUBLAS_COMPUTE_32F_FAST_TF32 == 77);
static_assert(CUBLAS_GEMM_DEFAULT == -1);
static_assert(CUDA_R_32F == 0 && CUDA_R_16BF == 14);

// Members of what both say about a device.
static_assert(std::is_same_v<decltype(cudaDeviceProp::name), char[256]>);
static_assert(std::is_same_v<decltype(cudaDeviceProp::major), int>);
static_assert(
    std::is_same_v<decltype(cudaDeviceProp::sharedMemPerBlockOptin), size_t>);
static_assert(std::is_same_v<decltype(dim3::x), unsigned>);

}  // namespace
