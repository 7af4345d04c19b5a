#include "worker/backend/cuda/element_kernels.h"

#include "worker/backend/cuda/launch.h"
#include "worker/backend/cuda/unary.h"

namespace hawser::cuda {
namespace {

template <typename From, typename To>
__global__ void ConvertKernel(View<const From> x, View<To> y) {
  const int64_t r = ElementRow(y.columns), c = ElementColumn(y.columns);
  if (c < y.columns) y.Set(r, c, x.Get(r, c));
}

template <typename T>
__global__ void FillKernel(float value, View<T> x) {
  const int64_t r = ElementRow(x.columns), c = ElementColumn(x.columns);
  if (c < x.columns) x.Set(r, c, value);
}

template <typename T>
__global__ void BiasKernel(const float* bias, bool add, View<T> x) {
  const int64_t r = ElementRow(x.columns), c = ElementColumn(x.columns);
  if (c < x.columns) x.Set(r, c, add ? x.Get(r, c) + bias[c] : bias[c]);
}

template <typename T>
__global__ void GeluKernel(View<T> x, View<T> y) {
  const int64_t r = ElementRow(y.columns), c = ElementColumn(y.columns);
  if (c >= y.columns) return;
  const ValueAndSlope gelu = Gelu(x.Get(r, c));
  y.Set(r, c, gelu.value);
  x.Set(r, c, gelu.slope);
}

template <typename T>
__global__ void SwigluKernel(View<T> x, View<T> y) {
  const int64_t r = ElementRow(y.columns), c = ElementColumn(y.columns);
  if (c >= y.columns) return;
  const ValueAndSlope gate = Silu(x.Get(r, c));
  const float linear = x.Get(r, y.columns + c);
  y.Set(r, c, gate.value * linear);
  x.Set(r, c, gate.slope * linear);
  x.Set(r, y.columns + c, gate.value);
}

// x: slopes of one half or two.
template <typename T>
__global__ void SlopesKernel(View<const float> dy, View<T> x) {
  const int64_t r = ElementRow(dy.columns), c = ElementColumn(dy.columns);
  if (c >= dy.columns) return;
  const float derivative = dy.Get(r, c);
  for (int64_t at = c; at < x.columns; at += dy.columns) {
    x.Set(r, at, x.Get(r, at) * derivative);
  }
}

__global__ void AddDroppedKernel(Drops drops, View<const float> x,
                                 View<const float> z, View<float> y) {
  const int64_t r = ElementRow(y.columns), c = ElementColumn(y.columns);
  if (c >= y.columns) return;
  y.Set(r, c, x.Get(r, c) + z.Get(r, c) * drops.Factor(r, c, y.columns));
}

template <typename T>
__global__ void DropKernel(Drops drops, View<const float> dy, View<T> dz) {
  const int64_t r = ElementRow(dz.columns), c = ElementColumn(dz.columns);
  if (c >= dz.columns) return;
  dz.Set(r, c, dy.Get(r, c) * drops.Factor(r, c, dz.columns));
}

// A thread for each pair of dimensions: column c of half as many.
template <typename T>
__global__ void RotateKernel(int64_t half, const float* cosines,
                             const float* sines, int64_t context,
                             int64_t first_position, float sign, View<T> x) {
  const int64_t r = ElementRow(x.columns / 2), c = ElementColumn(x.columns / 2);
  if (c >= x.columns / 2) return;
  const int64_t i = c % half;
  const int64_t at = c / half * 2 * half + i;
  const int64_t entry = (first_position + r) % context * half + i;
  const float cosine = cosines[entry], sine = sign * sines[entry];
  const float a = x.Get(r, at), b = x.Get(r, at + half);
  x.Set(r, at, a * cosine - b * sine);
  x.Set(r, at + half, b * cosine + a * sine);
}

__global__ void EmbedKernel(const int32_t* tokens, View<const float> weight,
                            View<const float> positions, int64_t first_position,
                            View<float> x) {
  const int64_t r = ElementRow(x.columns), c = ElementColumn(x.columns);
  if (c >= x.columns) return;
  float value = weight.Get(tokens[r], c);
  if (positions.rows != 0) {
    value += positions.Get((first_position + r) % positions.rows, c);
  }
  x.Set(r, c, value);
}

__global__ void PositionsKernel(View<const float> dx, int64_t context,
                                int64_t first, View<float> dpositions) {
  const int64_t t = ElementRow(dpositions.columns),
                c = ElementColumn(dpositions.columns);
  if (c >= dpositions.columns) return;
  float sum = 0;
  for (int64_t r = first + t; r < dx.rows; r += context) sum += dx.Get(r, c);
  dpositions.Set(t, c, sum);
}

}  // namespace

template <typename From, typename To>
cudaError_t Convert(View<const From> x, View<To> y, cudaStream_t stream) {
  const ElementGrid grid(y.rows, y.columns);
  return Launch(&ConvertKernel<From, To>, grid.grid, grid.block, 0, stream, x,
                y);
}

template <typename T>
cudaError_t Fill(float value, View<T> x, cudaStream_t stream) {
  const ElementGrid grid(x.rows, x.columns);
  return Launch(&FillKernel<T>, grid.grid, grid.block, 0, stream, value, x);
}

template <typename T>
cudaError_t SetToBias(const float* bias, bool add, View<T> x,
                      cudaStream_t stream) {
  const ElementGrid grid(x.rows, x.columns);
  return Launch(&BiasKernel<T>, grid.grid, grid.block, 0, stream, bias, add, x);
}

template <typename T>
cudaError_t FeedForwardForward(bool gated, View<T> x, View<T> y,
                               cudaStream_t stream) {
  const ElementGrid grid(y.rows, y.columns);
  return Launch(gated ? &SwigluKernel<T> : &GeluKernel<T>, grid.grid,
                grid.block, 0, stream, x, y);
}

template <typename T>
cudaError_t FeedForwardBackward(View<const float> dy, View<T> x,
                                cudaStream_t stream) {
  const ElementGrid grid(dy.rows, dy.columns);
  return Launch(&SlopesKernel<T>, grid.grid, grid.block, 0, stream, dy, x);
}

cudaError_t AddDropped(const Drops& drops, View<const float> x,
                       View<const float> z, View<float> y,
                       cudaStream_t stream) {
  const ElementGrid grid(y.rows, y.columns);
  return Launch(&AddDroppedKernel, grid.grid, grid.block, 0, stream, drops, x,
                z, y);
}

template <typename T>
cudaError_t Drop(const Drops& drops, View<const float> dy, View<T> dz,
                 cudaStream_t stream) {
  const ElementGrid grid(dz.rows, dz.columns);
  return Launch(&DropKernel<T>, grid.grid, grid.block, 0, stream, drops, dy,
                dz);
}

template <typename T>
cudaError_t Rotate(int64_t head_width, const float* cosines, const float* sines,
                   int64_t context, int64_t first_position, float sign,
                   View<T> x, cudaStream_t stream) {
  const ElementGrid grid(x.rows, x.columns / 2);
  return Launch(&RotateKernel<T>, grid.grid, grid.block, 0, stream,
                head_width / 2, cosines, sines, context, first_position, sign,
                x);
}

cudaError_t EmbedForward(const int32_t* tokens, View<const float> weight,
                         View<const float> positions, int64_t first_position,
                         View<float> x, cudaStream_t stream) {
  const ElementGrid grid(x.rows, x.columns);
  return Launch(&EmbedKernel, grid.grid, grid.block, 0, stream, tokens, weight,
                positions, first_position, x);
}

cudaError_t PositionsBackward(View<const float> dx, int64_t context,
                              int64_t first, View<float> dpositions,
                              cudaStream_t stream) {
  const ElementGrid grid(dpositions.rows, dpositions.columns);
  return Launch(&PositionsKernel, grid.grid, grid.block, 0, stream, dx, context,
                first, dpositions);
}

template cudaError_t Convert(View<const float>, View<float>, cudaStream_t);
template cudaError_t Convert(View<const float>, View<Bfloat>, cudaStream_t);
template cudaError_t Convert(View<const Bfloat>, View<float>, cudaStream_t);
template cudaError_t Convert(View<const Bfloat>, View<Bfloat>, cudaStream_t);

#define HAWSER_FOR_ELEMENT(T)                                                \
  template cudaError_t Fill(float, View<T>, cudaStream_t);                   \
  template cudaError_t SetToBias(const float*, bool, View<T>, cudaStream_t); \
  template cudaError_t FeedForwardForward(bool, View<T>, View<T>,            \
                                          cudaStream_t);                     \
  template cudaError_t FeedForwardBackward(View<const float>, View<T>,       \
                                           cudaStream_t);                    \
  template cudaError_t Drop(const Drops&, View<const float>, View<T>,        \
                            cudaStream_t);                                   \
  template cudaError_t Rotate(int64_t, const float*, const float*, int64_t,  \
                              int64_t, float, View<T>, cudaStream_t)
HAWSER_FOR_ELEMENT(float);
HAWSER_FOR_ELEMENT(Bfloat);

}  // namespace hawser::cuda
