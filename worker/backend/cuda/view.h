// Matrices as kernels see them. They own nothing.
#ifndef HAWSER_WORKER_BACKEND_CUDA_VIEW_H_
#define HAWSER_WORKER_BACKEND_CUDA_VIEW_H_

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

namespace hawser::cuda {

// The upper half of a float32, as Bfloat16 of matrix.h.
struct Bfloat {
  uint16_t bits;
};

__device__ inline float FromBits(uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}
__device__ inline uint32_t BitsOf(float value) {
#ifdef __CUDA_ARCH__
  return __float_as_uint(value);
#else
  return __builtin_bit_cast(uint32_t, value);
#endif
}

__device__ inline float Load(float x) { return x; }
__device__ inline float Load(Bfloat x) {
  return FromBits(uint32_t{x.bits} << 16);
}

__device__ inline void Store(float x, float* to) { *to = x; }
// To nearest, ties to even; what is not a number stays so.
__device__ inline void Store(float x, Bfloat* to) {
  const uint32_t bits = BitsOf(x);
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  to->bits = static_cast<uint16_t>((x == x ? rounded : bits | 0x400000) >> 16);
}

template <typename T>
struct View {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t stride = 0;

  __device__ T* Row(int64_t r) const { return data + r * stride; }
  __device__ float Get(int64_t r, int64_t c) const {
    return Load(data[r * stride + c]);
  }
  __device__ void Set(int64_t r, int64_t c, float value) const {
    Store(value, data + r * stride + c);
  }
  // For the emulation.
  template <typename Use>
  void ForEachPointer(Use use) {
    use(data);
  }
};

template <typename T>
View<const std::remove_const_t<T>> Const(const View<T>& x) {
  return {x.data, x.rows, x.columns, x.stride};
}

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_VIEW_H_
