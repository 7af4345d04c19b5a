// A stream of a GPU as a lane. See lane.h for what each operation does; it is
// done when the device comes to it.
#ifndef HAWSER_WORKER_BACKEND_CUDA_CUDA_LANE_H_
#define HAWSER_WORKER_BACKEND_CUDA_CUDA_LANE_H_

#include <array>

#include "worker/backend/cuda/cuda_device.h"
#include "worker/backend/lane.h"

namespace hawser {

class CudaLane : public Lane {
 public:
  // tf32: float32 products round their operands to 10 bits of mantissa, for
  // tensor cores. device outlives it.
  CudaLane(CudaDevice* device, bool tf32) : device_(device), tf32_(tf32) {}

  void Multiply(const Product& product, ConstMatrix a, ConstMatrix b,
                Matrix c) override;
  void SumRows(ConstMatrix x, float* sums) override;
  void Convert(ConstMatrix x, Matrix y) override;
  void Fill(float value, Matrix x) override;
  void Transpose(ConstMatrix x, Matrix y) override;
  void NormForward(const Norm& norm, ConstMatrix x, Matrix y,
                   float* statistics) override;
  void NormBackward(const Norm& norm, ConstMatrix x, const float* statistics,
                    ConstMatrix dy, ConstMatrix residual, Matrix dx,
                    float* dweight, float* dbias) override;
  void FeedForwardForward(FeedForward kind, Matrix x, Matrix y) override;
  void FeedForwardBackward(ConstMatrix dy, Matrix x) override;
  void AddDropped(const Dropout& dropout, ConstMatrix x, ConstMatrix z,
                  Matrix y) override;
  void Drop(const Dropout& dropout, ConstMatrix dy, Matrix dz) override;
  void Rotate(int64_t head_width, double base, int64_t context,
              int64_t first_position, bool backward, Matrix x) override;
  void AttentionForward(const Attention& attention, ConstMatrix q,
                        ConstMatrix k, ConstMatrix v, Matrix y,
                        float* log_sums) override;
  void AttentionBackward(const Attention& attention, ConstMatrix q,
                         ConstMatrix k, ConstMatrix v, ConstMatrix y,
                         const float* log_sums, ConstMatrix dy, Matrix dq,
                         Matrix dk, Matrix dv) override;
  void EmbedForward(absl::Span<const int32_t> tokens, ConstMatrix weight,
                    ConstMatrix positions, int64_t first_position,
                    Matrix x) override;
  void EmbedBackward(absl::Span<const int32_t> tokens, ConstMatrix dx,
                     Matrix dweight) override;
  void PositionsBackward(ConstMatrix dx, int64_t context, int64_t first,
                         Matrix dpositions) override;
  void CrossEntropyBackward(absl::Span<const int32_t> labels,
                            ConstMatrix logits, float scale, float* losses,
                            Matrix dlogits) override;
  void CrossEntropyForward(absl::Span<const int32_t> labels, ConstMatrix logits,
                           float* losses) override;
  float* Scratch(int slot, int64_t floats) override;

 private:
  // Memory that grows when it must; in the steady state it does not.
  struct Growing {
    BackendMemory memory;
    int64_t floats = 0;
  };
  float* Grown(Growing* memory, int64_t floats);
  // Cosines, then sines, of a head's angles at each position.
  const float* RotaryTable(int64_t head_width, double base, int64_t context);
  cudaStream_t stream() const { return device_->compute(); }

  CudaDevice* const device_;
  const bool tf32_;
  std::array<Growing, 4> scratch_;
  Growing partial_sums_;
  struct {
    int64_t head_width = 0;
    double base = 0;
    int64_t context = 0;
    Growing memory;
  } rotary_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CUDA_CUDA_LANE_H_
