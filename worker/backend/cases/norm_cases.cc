// NormForward and NormBackward.
#include "absl/strings/str_cat.h"
#include "worker/backend/cases/operation_case.h"
#include "worker/backend/operation_reference.h"

namespace hawser {
namespace {

// The rows that a norm may find hard.
enum class Rows { kNormal, kConstant, kFarFromZero, kTiny };

DoubleMatrix MakeRows(Rows kind, int64_t rows, int64_t columns,
                      std::mt19937* random) {
  DoubleMatrix x = RandomMatrix(rows, columns, Element::kFloat32, random);
  for (int64_t r = 0; r < rows; ++r) {
    const double constant = 0.25 * static_cast<double>(r - 1);
    for (int64_t c = 0; c < columns; ++c) {
      if (kind == Rows::kConstant) x(r, c) = constant;
      if (kind == Rows::kFarFromZero) x(r, c) += 100;
      if (kind == Rows::kTiny) x(r, c) *= 1e-4;
    }
  }
  return RoundedTo(Element::kFloat32, x);
}

struct NormSettings {
  Normalisation kind;
  bool biased;
  double epsilon;
  Rows rows;
  Element element;  // of y
  bool in_place;    // dx is where the residual was
};

// Inputs: x, weight and, where there is one, bias.
OperationCase NormCase(int64_t rows, int64_t columns,
                       const NormSettings& settings) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + columns));
  constexpr Element kFloat = Element::kFloat32;
  OperationCase added;
  added.name = absl::StrCat(
      Normalisation_Name(settings.kind), " ", rows, " x ", columns,
      settings.biased ? " bias" : "", " epsilon ", settings.epsilon, " rows ",
      static_cast<int>(settings.rows), settings.in_place ? " in place" : "",
      " ", NameOf(settings.element));
  added.element = settings.element;
  added.tolerance = ToleranceOf(settings.element);
  // float32 knows the mean to a hundred times the smallest difference.
  if (settings.rows == Rows::kFarFromZero) added.tolerance *= 5;
  // Functions of x / sqrt(epsilon), rather than x.
  if (settings.rows != Rows::kNormal || columns <= 3) added.step = 1e-6;
  added.inputs = {MakeRows(settings.rows, rows, columns, &random),
                  RandomMatrix(1, columns, kFloat, &random)};
  if (settings.biased) {
    added.inputs.push_back(RandomMatrix(1, columns, kFloat, &random));
  }
  added.dy = RandomMatrix(rows, columns, kFloat, &random);
  const DoubleMatrix residual = RandomMatrix(rows, columns, kFloat, &random);
  const Normalisation kind = settings.kind;
  const double epsilon = RoundedTo(kFloat, settings.epsilon);
  added.forward = [=](const DoubleMatrices& in) {
    return reference::NormForward(
        kind, epsilon, in[0], in[1],
        settings.biased ? in[2] : DoubleMatrix(1, columns));
  };
  added.backward = [=](const DoubleMatrices& in, const DoubleMatrix& dy) {
    const reference::NormGradient gradient =
        reference::NormBackward(kind, epsilon, in[0], in[1], dy);
    DoubleMatrices all{gradient.dx, gradient.dweight};
    if (settings.biased) all.push_back(gradient.dbias);
    return all;
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix& dy, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Norm norm{kind, static_cast<float>(epsilon), bench.MakeVector(in[1]),
                    settings.biased ? bench.MakeVector(in[2]) : nullptr};
    const Matrix x = bench.Make(in[0], kFloat);
    const Matrix y = bench.Make(rows, columns, settings.element);
    float* statistics = bench.MakeVector(2 * rows);
    lane.NormForward(norm, x, y, statistics);
    const Matrix around = bench.Make(residual, kFloat);
    const Matrix dx =
        settings.in_place ? around : bench.Make(rows, columns, kFloat);
    const Matrix dweight = bench.Make(1, columns, kFloat);
    const Matrix dbias = bench.Make(1, columns, kFloat);
    lane.NormBackward(
        norm, x, statistics, bench.Make(dy, kFloat), around, dx,
        static_cast<float*>(dweight.data()),
        settings.biased ? static_cast<float*>(dbias.data()) : nullptr);
    DoubleMatrix through = bench.ValuesOf(dx);
    for (size_t i = 0; i < through.values.size(); ++i) {
      through.values[i] -= residual.values[i];
    }
    DoubleMatrices results{bench.ValuesOf(y), through, bench.ValuesOf(dweight)};
    if (settings.biased) results.push_back(bench.ValuesOf(dbias));
    return results;
  };
  return added;
}

}  // namespace

void AddNormCases(std::vector<OperationCase>* cases) {
  for (const auto& [kind, biased] :
       {std::pair{LAYER_NORM, true}, std::pair{LAYER_NORM, false},
        std::pair{RMS_NORM, false}}) {
    for (const Element element : {Element::kFloat32, Element::kBfloat16}) {
      for (const int64_t rows : {1, 3, 65, 130}) {
        // A layer norm of two columns gives +-1 and no derivative: not a case.
        for (const int64_t columns : {3, 7, 16, 48, 256, 257}) {
          cases->push_back(NormCase(
              rows, columns,
              {kind, biased, 1e-5, Rows::kNormal, element, rows == 3}));
        }
      }
      for (const Rows hard :
           {Rows::kConstant, Rows::kFarFromZero, Rows::kTiny}) {
        cases->push_back(
            NormCase(5, 48, {kind, biased, 1e-5, hard, element, false}));
      }
    }
  }
  cases->push_back(NormCase(
      3, 1, {RMS_NORM, false, 1e-2, Rows::kNormal, Element::kFloat32, false}));
  cases->push_back(NormCase(
      3, 48, {RMS_NORM, false, 1e-1, Rows::kTiny, Element::kFloat32, true}));
}

}  // namespace hawser
