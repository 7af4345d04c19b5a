// From the terms of lane.h to those of kernels.
#ifndef HAWSER_WORKER_BACKEND_CUDA_CUDA_VIEWS_H_
#define HAWSER_WORKER_BACKEND_CUDA_CUDA_VIEWS_H_

#include "glog/logging.h"
#include "worker/backend/cuda/attention_kernels.h"
#include "worker/backend/cuda/dropout.h"
#include "worker/backend/cuda/row_kernels.h"
#include "worker/backend/cuda/view.h"
#include "worker/backend/lane.h"

namespace hawser {

template <typename T>
cuda::View<T> ViewOf(const Matrix& x) {
  CHECK_EQ(BytesOf(x.element()), static_cast<int64_t>(sizeof(T)));
  return {static_cast<T*>(x.data()), x.rows(), x.columns(), x.stride()};
}
template <typename T>
cuda::View<const T> ViewOf(const ConstMatrix& x) {
  CHECK_EQ(BytesOf(x.element()), static_cast<int64_t>(sizeof(T)));
  return {static_cast<const T*>(x.data()), x.rows(), x.columns(), x.stride()};
}
template <typename M>
auto FloatsOf(const M& x) {
  return ViewOf<float>(x);
}

// use(T()) with the type of the elements.
template <typename Use>
cudaError_t WithElement(Element element, Use use) {
  return element == Element::kFloat32 ? use(float()) : use(cuda::Bfloat());
}

inline cuda::Drops DropsOf(const Dropout& dropout) {
  return {dropout.rate,
          1.0f / (1.0f - dropout.rate),
          dropout.first_row,
          {dropout.random.key()[0], dropout.random.key()[1]},
          {dropout.random.counter_high()[0], dropout.random.counter_high()[1]}};
}

inline cuda::NormWeights WeightsOf(const Norm& norm) {
  return {norm.kind != RMS_NORM, norm.epsilon, norm.weight, norm.bias};
}

// q [samples * queries, groups * heads * head_width], k [samples * keys, ...].
inline cuda::AttentionShape ShapeOf(const Attention& attention, ConstMatrix q,
                                    ConstMatrix k) {
  const int64_t heads = q.columns() / attention.groups / attention.head_width;
  CHECK_EQ(q.rows() % attention.samples, 0);
  CHECK_EQ(k.rows() % attention.samples, 0);
  CHECK_EQ(q.columns(), heads * attention.groups * attention.head_width);
  CHECK_EQ(k.columns(), attention.groups * attention.head_width);
  return {attention.samples,
          q.rows() / attention.samples,
          k.rows() / attention.samples,
          attention.groups,
          heads,
          attention.head_width,
          attention.scale,
          attention.first_position,
          DropsOf(attention.dropout)};
}

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CUDA_CUDA_VIEWS_H_
