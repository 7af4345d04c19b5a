// The part of cuBLAS that worker/backend/cuda uses, on the host.
#ifndef HAWSER_TESTS_CUDA_EMULATION_INCLUDE_CUBLAS_V2_H_
#define HAWSER_TESTS_CUDA_EMULATION_INCLUDE_CUBLAS_V2_H_

#include "tests/cuda_emulation/include/cuda_runtime.h"

namespace cuda_emulation {
struct Blas;
}  // namespace cuda_emulation

using cublasHandle_t = cuda_emulation::Blas*;

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
};
enum cublasOperation_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };
enum cublasComputeType_t {
  CUBLAS_COMPUTE_32F = 68,
  CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
};
enum cublasGemmAlgo_t { CUBLAS_GEMM_DEFAULT = -1 };
enum cudaDataType { CUDA_R_32F = 0, CUDA_R_16BF = 14 };

const char* cublasGetStatusString(cublasStatus_t status);
cublasStatus_t cublasCreate(cublasHandle_t* handle);
cublasStatus_t cublasDestroy(cublasHandle_t handle);
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace,
                                  size_t bytes);
// Column-major: c [m, n] = alpha op(a) op(b) + beta c.
cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t turn_a,
                            cublasOperation_t turn_b, int m, int n, int k,
                            const void* alpha, const void* a,
                            cudaDataType type_a, int stride_a, const void* b,
                            cudaDataType type_b, int stride_b, const void* beta,
                            void* c, cudaDataType type_c, int stride_c,
                            cublasComputeType_t compute, cublasGemmAlgo_t how);

#endif  // HAWSER_TESTS_CUDA_EMULATION_INCLUDE_CUBLAS_V2_H_
