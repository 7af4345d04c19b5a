// A case of the conformance test of backends: one operation with its shapes,
// settings and inputs, what it should give, and how a lane does it.
#ifndef HAWSER_WORKER_BACKEND_CASES_OPERATION_CASE_H_
#define HAWSER_WORKER_BACKEND_CASES_OPERATION_CASE_H_

#include <functional>
#include <string>
#include <vector>

#include "worker/backend/cases/workbench.h"
#include "worker/backend/double_matrix.h"
#include "worker/backend/lane.h"

namespace hawser {

using DoubleMatrices = std::vector<DoubleMatrix>;

// Relative errors, by norm, that one operation may have. A bfloat16 has 8 bits:
// rounding alone is wrong by up to 2^-9.
constexpr double kFloat32Tolerance = 1e-5;
constexpr double kBfloat16Tolerance = 0x1p-8;

constexpr double ToleranceOf(Element element) {
  return element == Element::kFloat32 ? kFloat32Tolerance : kBfloat16Tolerance;
}
inline std::string NameOf(Element element) {
  return element == Element::kFloat32 ? "float32" : "bfloat16";
}

struct OperationCase {
  std::string name;
  Element element = Element::kFloat32;  // the narrowest of those used
  DoubleMatrices inputs;
  DoubleMatrix dy;  // derivative by the output

  // The reference: the output, and the derivative by each input. Without
  // `backward`, the output alone is compared.
  std::function<DoubleMatrix(const DoubleMatrices& inputs)> forward;
  std::function<DoubleMatrices(const DoubleMatrices& inputs,
                               const DoubleMatrix& dy)>
      backward;
  // What the lane makes of it: the output, then derivatives by the first inputs
  // (as many as lanes have an operation for).
  std::function<DoubleMatrices(const DoubleMatrices& inputs,
                               const DoubleMatrix& dy, Lane& lane, Workbench&)>
      run;

  double tolerance = kFloat32Tolerance;
  // Derivatives smaller than this share of dy are right to the tolerance of
  // that, not of themselves: what cancels leaves its rounding.
  double small = 0.01;
  // The error that each element of the output may have besides.
  double output_error = 0;
  double step = 1e-5;  // of finite differences
};

// Each appends the cases of some operations.
void AddProductCases(std::vector<OperationCase>* cases);
void AddNormCases(std::vector<OperationCase>* cases);
void AddElementWiseCases(std::vector<OperationCase>* cases);
void AddAttentionCases(std::vector<OperationCase>* cases);
void AddTokenCases(std::vector<OperationCase>* cases);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CASES_OPERATION_CASE_H_
