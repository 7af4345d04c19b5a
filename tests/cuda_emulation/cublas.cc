#include <cmath>
#include <cstring>
#include <vector>

#include "tests/cuda_emulation/device.h"
#include "tests/cuda_emulation/include/cublas_v2.h"

namespace cuda_emulation {

struct Blas {
  cudaStream_t stream = nullptr;
};

namespace {

float FromBits(uint32_t bits) { return __builtin_bit_cast(float, bits); }
uint32_t BitsOf(float value) { return __builtin_bit_cast(uint32_t, value); }

// To nearest, ties to even, leaving out so many bits.
float Rounded(float value, int bits) {
  if (std::isnan(value)) return value;
  const uint32_t old = BitsOf(value);
  const uint32_t half = (1u << (bits - 1)) - 1 + (old >> bits & 1);
  return FromBits((old + half) >> bits << bits);
}

float Load(const void* memory, cudaDataType type, int64_t i) {
  if (type == CUDA_R_32F) return static_cast<const float*>(memory)[i];
  return FromBits(uint32_t{static_cast<const uint16_t*>(memory)[i]} << 16);
}

void Store(float value, void* memory, cudaDataType type, int64_t i) {
  if (type == CUDA_R_32F) {
    static_cast<float*>(memory)[i] = value;
  } else {
    static_cast<uint16_t*>(memory)[i] =
        static_cast<uint16_t>(BitsOf(Rounded(value, 16)) >> 16);
  }
}

// op(x) [rows, columns] of column-major x, row after row.
std::vector<float> Operand(const void* x, cudaDataType type, int64_t stride,
                           bool turned, int64_t rows, int64_t columns,
                           bool tf32) {
  std::vector<float> values(static_cast<size_t>(rows * columns));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const float value =
          Load(x, type, turned ? r * stride + c : c * stride + r);
      values[static_cast<size_t>(r * columns + c)] =
          tf32 ? Rounded(value, 13) : value;
    }
  }
  return values;
}

bool AllDevice(const void* a, const void* b, const void* c) {
  return a != nullptr && b != nullptr && c != nullptr && IsDeviceMemory(a) &&
         IsDeviceMemory(b) && IsDeviceMemory(c);
}

}  // namespace
}  // namespace cuda_emulation

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
  }
  return "an unknown status";
}

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new cuda_emulation::Blas;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t, void* workspace, size_t) {
  return cuda_emulation::IsDeviceMemory(workspace)
             ? CUBLAS_STATUS_SUCCESS
             : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t turn_a,
                            cublasOperation_t turn_b, int m, int n, int k,
                            const void* alpha, const void* a,
                            cudaDataType type_a, int stride_a, const void* b,
                            cudaDataType type_b, int stride_b, const void* beta,
                            void* c, cudaDataType type_c, int stride_c,
                            cublasComputeType_t compute, cublasGemmAlgo_t) {
  using cuda_emulation::Operand;
  const int least_a = turn_a == CUBLAS_OP_T ? k : m;
  const int least_b = turn_b == CUBLAS_OP_T ? n : k;
  if (m < 0 || n < 0 || k < 0 || stride_a < least_a || stride_b < least_b ||
      stride_c < m || type_a != type_b || !cuda_emulation::AllDevice(a, b, c)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const std::vector<const void*> memory = {a, b, c};
  a = reinterpret_cast<const void*>(cuda_emulation::Moved(a));
  b = reinterpret_cast<const void*>(cuda_emulation::Moved(b));
  c = reinterpret_cast<void*>(cuda_emulation::Moved(c));
  const float by = *static_cast<const float*>(alpha);
  const float keep = *static_cast<const float*>(beta);
  const bool tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32;
  const cudaError_t error =
      cuda_emulation::Enqueue(handle->stream, memory, [=] {
        const std::vector<float> left =
            Operand(a, type_a, stride_a, turn_a == CUBLAS_OP_T, m, k, tf32);
        const std::vector<float> right =
            Operand(b, type_b, stride_b, turn_b == CUBLAS_OP_T, k, n, tf32);
        std::vector<float> row(static_cast<size_t>(n));
        for (int i = 0; i < m; ++i) {
          row.assign(row.size(), 0.0f);
          for (int l = 0; l < k; ++l) {
            const float factor = left[static_cast<size_t>(int64_t{i} * k + l)];
            const float* other = &right[static_cast<size_t>(int64_t{l} * n)];
            for (int j = 0; j < n; ++j)
              row[static_cast<size_t>(j)] += factor * other[j];
          }
          for (int j = 0; j < n; ++j) {
            const int64_t at = int64_t{j} * stride_c + i;
            const float before =
                keep == 0 ? 0 : keep * cuda_emulation::Load(c, type_c, at);
            cuda_emulation::Store(by * row[static_cast<size_t>(j)] + before, c,
                                  type_c, at);
          }
        }
      });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                              : CUBLAS_STATUS_EXECUTION_FAILED;
}
