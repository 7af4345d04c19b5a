// Causal attention on the CPU, a tile of queries and keys at a time; see
// Lane::AttentionForward.
//
// Not thread-safe: keeps its working memory.
#ifndef HAWSER_WORKER_BACKEND_CPU_ATTENTION_H_
#define HAWSER_WORKER_BACKEND_CPU_ATTENTION_H_

#include <cstdint>
#include <vector>

#include "worker/backend/cpu/matrix_products.h"
#include "worker/backend/lane.h"

namespace hawser {

class CpuAttention {
 public:
  // products outlives it.
  explicit CpuAttention(MatrixProducts* products) : products_(products) {}

  void Forward(const Attention& attention, ConstMatrix q, ConstMatrix k,
               ConstMatrix v, Matrix y, float* log_sums);
  void Backward(const Attention& attention, ConstMatrix q, ConstMatrix k,
                ConstMatrix v, ConstMatrix y, const float* log_sums,
                ConstMatrix dy, Matrix dq, Matrix dk, Matrix dv);

 private:
  struct Tile;
  struct HeadBackward;

  void ForwardTile(const Attention& attention, const Tile& tile, ConstMatrix q,
                   ConstMatrix k, ConstMatrix v, Matrix y, float* log_sums);
  void BackwardTile(const Attention& attention, const Tile& tile,
                    const HeadBackward& head);
  // A working matrix of float32 or, as the products' operand, of `element`.
  Matrix Working(int number, int64_t rows, int64_t columns, Element element);
  // The same matrix in float32, or rounded to `element`.
  Matrix AsOperand(int number, Matrix x, Element element);
  void DropWeights(const Attention& attention, const Tile& tile,
                   int64_t first_key, Matrix weights);

  MatrixProducts* const products_;
  static constexpr int kWorkingMatrices = 8;
  std::vector<float> working_[kWorkingMatrices];
  std::vector<float> factors_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_ATTENTION_H_
