#include "worker/backend/cuda/cuda_lane.h"

#include <cmath>
#include <limits>
#include <vector>

#include "glog/logging.h"
#include "worker/backend/cuda/attention_kernels.h"
#include "worker/backend/cuda/cuda_views.h"
#include "worker/backend/cuda/element_kernels.h"
#include "worker/backend/cuda/row_kernels.h"
#include "worker/backend/cuda/sum_kernels.h"

namespace hawser {
namespace {

int ToInt(int64_t n) {
  CHECK_LE(n, std::numeric_limits<int>::max()) << "too large for cuBLAS";
  return static_cast<int>(n);
}

cudaDataType TypeOf(Element element) {
  return element == Element::kFloat32 ? CUDA_R_32F : CUDA_R_16BF;
}

template <typename A, typename B>
void CheckSameShape(const A& a, const B& b) {
  CHECK_EQ(a.rows(), b.rows());
  CHECK_EQ(a.columns(), b.columns());
}

}  // namespace

// After an error nothing is done, since memory may be missing.
#define HAWSER_RUN(name, call)  \
  if (device_->ok()) {          \
    device_->Check(call, name); \
  }

void CudaLane::Multiply(const Product& product, ConstMatrix a, ConstMatrix b,
                        Matrix c) {
  const int64_t k = product.transpose_a ? a.rows() : a.columns();
  CHECK_EQ(product.transpose_a ? a.columns() : a.rows(), c.rows());
  CHECK_EQ(product.transpose_b ? b.rows() : b.columns(), c.columns());
  CHECK_EQ(product.transpose_b ? b.columns() : b.rows(), k);
  CHECK(a.element() == b.element());
  if (c.rows() == 0 || c.columns() == 0) return;
  if (product.bias != nullptr) {
    HAWSER_RUN("bias", WithElement(c.element(), [&](auto type) {
                 return cuda::SetToBias(product.bias, product.accumulate,
                                        ViewOf<decltype(type)>(c), stream());
               }));
  }
  const float alpha = 1;
  const float beta =
      product.accumulate || product.bias != nullptr ? 1.0f : 0.0f;
  // cuBLAS counts by columns: of the transposes, c = b a.
  const auto turn = [](bool transpose) {
    return transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
  };
  const bool rounds = tf32_ && a.element() == Element::kFloat32;
  HAWSER_RUN(
      "product",
      cublasGemmEx(device_->blas(), turn(product.transpose_b),
                   turn(product.transpose_a), ToInt(c.columns()),
                   ToInt(c.rows()), ToInt(k), &alpha, b.data(),
                   TypeOf(b.element()), ToInt(b.stride()), a.data(),
                   TypeOf(a.element()), ToInt(a.stride()), &beta, c.data(),
                   TypeOf(c.element()), ToInt(c.stride()),
                   rounds ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                   CUBLAS_GEMM_DEFAULT));
}

void CudaLane::SumRows(ConstMatrix x, float* sums) {
  float* partial =
      Grown(&partial_sums_, cuda::PartialSumFloats(x.rows(), x.columns(), 1));
  HAWSER_RUN("SumRows", WithElement(x.element(), [&](auto type) {
               return cuda::SumRows(ViewOf<decltype(type)>(x), sums, partial,
                                    stream());
             }));
}

void CudaLane::Convert(ConstMatrix x, Matrix y) {
  CheckSameShape(x, y);
  HAWSER_RUN("Convert", WithElement(x.element(), [&](auto from) {
               return WithElement(y.element(), [&](auto to) {
                 return cuda::Convert(ViewOf<decltype(from)>(x),
                                      ViewOf<decltype(to)>(y), stream());
               });
             }));
}

void CudaLane::Fill(float value, Matrix x) {
  HAWSER_RUN("Fill", WithElement(x.element(), [&](auto type) {
               return cuda::Fill(value, ViewOf<decltype(type)>(x), stream());
             }));
}

void CudaLane::Transpose(ConstMatrix x, Matrix y) {
  CHECK_EQ(x.rows(), y.columns());
  CHECK_EQ(x.columns(), y.rows());
  HAWSER_RUN("Transpose", cuda::Transpose(FloatsOf(x), FloatsOf(y), stream()));
}

void CudaLane::NormForward(const Norm& norm, ConstMatrix x, Matrix y,
                           float* statistics) {
  CheckSameShape(x, y);
  HAWSER_RUN("NormForward", WithElement(y.element(), [&](auto type) {
               return cuda::NormForward(WeightsOf(norm), FloatsOf(x),
                                        ViewOf<decltype(type)>(y), statistics,
                                        stream());
             }));
}

void CudaLane::NormBackward(const Norm& norm, ConstMatrix x,
                            const float* statistics, ConstMatrix dy,
                            ConstMatrix residual, Matrix dx, float* dweight,
                            float* dbias) {
  CheckSameShape(x, dy);
  CheckSameShape(x, residual);
  CheckSameShape(x, dx);
  float* partial =
      Grown(&partial_sums_, cuda::PartialSumFloats(x.rows(), x.columns(), 1));
  HAWSER_RUN("NormBackward",
             cuda::SumNormGradients(
                 FloatsOf(x), statistics, FloatsOf(dy), dweight,
                 norm.bias == nullptr ? nullptr : dbias, partial, stream()));
  HAWSER_RUN(
      "NormBackward",
      cuda::NormBackward(WeightsOf(norm), FloatsOf(x), statistics, FloatsOf(dy),
                         FloatsOf(residual), FloatsOf(dx), stream()));
}

void CudaLane::FeedForwardForward(FeedForward kind, Matrix x, Matrix y) {
  const bool gated = kind == FEED_FORWARD_SWIGLU;
  CHECK_EQ(x.rows(), y.rows());
  CHECK_EQ(x.columns(), (gated ? 2 : 1) * y.columns());
  CHECK(x.element() == y.element());
  HAWSER_RUN("FeedForwardForward", WithElement(x.element(), [&](auto type) {
               using T = decltype(type);
               return cuda::FeedForwardForward(gated, ViewOf<T>(x),
                                               ViewOf<T>(y), stream());
             }));
}

void CudaLane::FeedForwardBackward(ConstMatrix dy, Matrix x) {
  CHECK_EQ(dy.rows(), x.rows());
  CHECK_EQ(x.columns() % dy.columns(), 0);
  HAWSER_RUN("FeedForwardBackward", WithElement(x.element(), [&](auto type) {
               return cuda::FeedForwardBackward(
                   FloatsOf(dy), ViewOf<decltype(type)>(x), stream());
             }));
}

void CudaLane::AddDropped(const Dropout& dropout, ConstMatrix x, ConstMatrix z,
                          Matrix y) {
  CheckSameShape(x, z);
  CheckSameShape(x, y);
  HAWSER_RUN("AddDropped",
             cuda::AddDropped(DropsOf(dropout), FloatsOf(x), FloatsOf(z),
                              FloatsOf(y), stream()));
}

void CudaLane::Drop(const Dropout& dropout, ConstMatrix dy, Matrix dz) {
  CheckSameShape(dy, dz);
  if (dropout.rate == 0) {
    if (dy.data() != dz.data()) Convert(dy, dz);
    return;
  }
  HAWSER_RUN("Drop", WithElement(dz.element(), [&](auto type) {
               return cuda::Drop(DropsOf(dropout), FloatsOf(dy),
                                 ViewOf<decltype(type)>(dz), stream());
             }));
}

const float* CudaLane::RotaryTable(int64_t head_width, double base,
                                   int64_t context) {
  if (head_width == rotary_.head_width && base == rotary_.base &&
      context == rotary_.context) {
    return static_cast<const float*>(rotary_.memory.memory.get());
  }
  const int64_t half = head_width / 2;
  std::vector<float> table(static_cast<size_t>(2 * context * half));
  for (int64_t position = 0; position < context; ++position) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(position) *
          std::pow(base, -static_cast<double>(i) / static_cast<double>(half));
      const auto entry = static_cast<size_t>(position * half + i);
      table[entry] = static_cast<float>(std::cos(angle));
      table[entry + table.size() / 2] = static_cast<float>(std::sin(angle));
    }
  }
  rotary_.memory = Growing();
  float* memory = Grown(&rotary_.memory, static_cast<int64_t>(table.size()));
  if (memory == nullptr) return nullptr;
  device_->CopyIn(table.data(),
                  static_cast<int64_t>(table.size() * sizeof(float)), memory);
  rotary_.head_width = head_width;
  rotary_.base = base;
  rotary_.context = context;
  return memory;
}

void CudaLane::Rotate(int64_t head_width, double base, int64_t context,
                      int64_t first_position, bool backward, Matrix x) {
  CHECK_EQ(head_width % 2, 0);
  CHECK_EQ(x.columns() % head_width, 0);
  const float* table = RotaryTable(head_width, base, context);
  HAWSER_RUN("Rotate", WithElement(x.element(), [&](auto type) {
               return cuda::Rotate(head_width, table,
                                   table + context * head_width / 2, context,
                                   first_position, backward ? -1.0f : 1.0f,
                                   ViewOf<decltype(type)>(x), stream());
             }));
}

void CudaLane::AttentionForward(const Attention& attention, ConstMatrix q,
                                ConstMatrix k, ConstMatrix v, Matrix y,
                                float* log_sums) {
  CheckSameShape(k, v);
  CheckSameShape(q, y);
  HAWSER_RUN("AttentionForward", WithElement(q.element(), [&](auto type) {
               using T = decltype(type);
               return cuda::AttentionForward(
                   ShapeOf(attention, q, k), ViewOf<T>(q), ViewOf<T>(k),
                   ViewOf<T>(v), ViewOf<T>(y), log_sums, stream());
             }));
}

void CudaLane::AttentionBackward(const Attention& attention, ConstMatrix q,
                                 ConstMatrix k, ConstMatrix v, ConstMatrix y,
                                 const float* log_sums, ConstMatrix dy,
                                 Matrix dq, Matrix dk, Matrix dv) {
  CheckSameShape(q, dq);
  CheckSameShape(q, dy);
  CheckSameShape(q, y);
  CheckSameShape(k, v);
  CheckSameShape(k, dk);
  CheckSameShape(k, dv);
  HAWSER_RUN("AttentionBackward", WithElement(q.element(), [&](auto type) {
               using T = decltype(type);
               return cuda::AttentionBackward(
                   ShapeOf(attention, q, k), ViewOf<T>(q), ViewOf<T>(k),
                   ViewOf<T>(v), ViewOf<T>(y), log_sums, ViewOf<T>(dy),
                   ViewOf<T>(dq), ViewOf<T>(dk), ViewOf<T>(dv), stream());
             }));
}

void CudaLane::EmbedForward(absl::Span<const int32_t> tokens,
                            ConstMatrix weight, ConstMatrix positions,
                            int64_t first_position, Matrix x) {
  CHECK_EQ(x.rows(), static_cast<int64_t>(tokens.size()));
  CHECK_EQ(x.columns(), weight.columns());
  HAWSER_RUN(
      "EmbedForward",
      cuda::EmbedForward(tokens.data(), FloatsOf(weight), FloatsOf(positions),
                         first_position, FloatsOf(x), stream()));
}

void CudaLane::EmbedBackward(absl::Span<const int32_t> tokens, ConstMatrix dx,
                             Matrix dweight) {
  CHECK_EQ(dx.rows(), static_cast<int64_t>(tokens.size()));
  CHECK_EQ(dx.columns(), dweight.columns());
  HAWSER_RUN("EmbedBackward", cuda::EmbedBackward(tokens.data(), FloatsOf(dx),
                                                  FloatsOf(dweight), stream()));
}

void CudaLane::PositionsBackward(ConstMatrix dx, int64_t context, int64_t first,
                                 Matrix dpositions) {
  CHECK_EQ(dx.columns(), dpositions.columns());
  CHECK_EQ(dx.rows() % context, 0);
  HAWSER_RUN("PositionsBackward",
             cuda::PositionsBackward(FloatsOf(dx), context, first,
                                     FloatsOf(dpositions), stream()));
}

void CudaLane::CrossEntropyBackward(absl::Span<const int32_t> labels,
                                    ConstMatrix logits, float scale,
                                    float* losses, Matrix dlogits) {
  CHECK_EQ(logits.rows(), static_cast<int64_t>(labels.size()));
  CheckSameShape(logits, dlogits);
  HAWSER_RUN("CrossEntropyBackward",
             WithElement(dlogits.element(), [&](auto type) {
               return cuda::CrossEntropyBackward(
                   labels.data(), FloatsOf(logits), scale, losses,
                   ViewOf<decltype(type)>(dlogits), stream());
             }));
}

void CudaLane::CrossEntropyForward(absl::Span<const int32_t> labels,
                                   ConstMatrix logits, float* losses) {
  CHECK_EQ(logits.rows(), static_cast<int64_t>(labels.size()));
  HAWSER_RUN("CrossEntropyForward",
             cuda::CrossEntropyForward(labels.data(), FloatsOf(logits), losses,
                                       stream()));
}

float* CudaLane::Scratch(int slot, int64_t floats) {
  return Grown(&scratch_[static_cast<size_t>(slot)], floats);
}

float* CudaLane::Grown(Growing* memory, int64_t floats) {
  if (memory->floats < floats) {
    memory->memory.reset();  // waits for what uses it
    memory->floats = 0;
    auto grown = device_->Allocate(4 * floats);
    if (!grown.ok()) {
      device_->Check(cudaErrorMemoryAllocation,
                     grown.status().ToString().c_str());
      return nullptr;
    }
    memory->memory = *std::move(grown);
    memory->floats = floats;
  }
  return static_cast<float*>(memory->memory.get());
}

}  // namespace hawser
