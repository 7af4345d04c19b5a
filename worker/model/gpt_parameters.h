// The parameters of a GPT as its parts read them, and the gradient as they
// write it.
#ifndef HAWSER_WORKER_MODEL_GPT_PARAMETERS_H_
#define HAWSER_WORKER_MODEL_GPT_PARAMETERS_H_

#include <vector>

#include "worker/backend/backend.h"
#include "worker/model/gpt_tensors.h"

namespace hawser {

struct GptParameters {
  const float* theta = nullptr;         // [parameters]
  const void* operands = nullptr;       // the same as operands of products
  Element element = Element::kFloat32;  // of the operands

  ConstMatrix Operand(int64_t offset, int64_t rows, int64_t columns) const {
    const auto* first =
        static_cast<const std::byte*>(operands) + offset * BytesOf(element);
    return {first, rows, columns, columns, element};
  }
  ConstMatrix Weight(const LinearTensors& linear) const {
    return Operand(linear.weight, linear.outputs, linear.inputs);
  }
  const float* Bias(const LinearTensors& linear) const {
    return linear.bias < 0 ? nullptr : theta + linear.bias;
  }
  const float* NormWeight(const NormTensors& norm) const {
    return theta + norm.weight;
  }
  const float* NormBias(const NormTensors& norm) const {
    return norm.bias < 0 ? nullptr : theta + norm.bias;
  }
};

// Gradients of weights: sums over all rows, hence apart from the panels. Each
// is cut into slices of outputs, by its shape alone, which one ForEach does;
// unless the backend would rather have it as a whole.
class WeightGradients {
 public:
  // gradient: as lanes see it.
  WeightGradients(float* gradient, Backend* backend)
      : gradient_(gradient), backend_(backend) {}

  // dweight (+)= dy^T x, and dbias = the sum of dy's rows. dy [rows, outputs],
  // x [rows, inputs].
  void Add(const LinearTensors& linear, ConstMatrix dy, ConstMatrix x,
           bool accumulate = false);
  // sums [panels, 2 width]: each panel's part of the weight, then of the bias.
  void Add(const NormTensors& norm, ConstMatrix sums);

  // Does what was added, and forgets it.
  void Run();

 private:
  struct Slice {
    ConstMatrix dy;
    ConstMatrix x;  // no rows: only the sum of dy's rows
    Matrix dweight;
    float* sums;  // of dy's rows; or none
    bool accumulate;
  };

  float* const gradient_;
  Backend* const backend_;
  std::vector<Slice> slices_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_PARAMETERS_H_
