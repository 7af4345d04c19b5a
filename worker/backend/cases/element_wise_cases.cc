// FeedForwardForward and -Backward, AddDropped and Drop, Rotate.
#include "absl/strings/str_cat.h"
#include "worker/backend/cases/operation_case.h"
#include "worker/backend/operation_reference.h"

namespace hawser {
namespace {

OperationCase FeedForwardCase(FeedForward kind, int64_t rows, int64_t columns,
                              Element element, double deviation) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + columns));
  OperationCase added;
  added.name = absl::StrCat(FeedForward_Name(kind), " ", rows, " x ", columns,
                            " deviation ", deviation, " ", NameOf(element));
  added.element = element;
  // In bfloat16 a derivative is rounded twice: as a slope, and times dy.
  added.tolerance =
      (element == Element::kFloat32 ? 1 : 2) * ToleranceOf(element);
  const int64_t inputs = kind == FEED_FORWARD_SWIGLU ? 2 * columns : columns;
  added.inputs = {RandomMatrix(rows, inputs, element, &random, deviation)};
  added.dy = RandomMatrix(rows, columns, Element::kFloat32, &random);
  added.forward = [=](const DoubleMatrices& in) {
    return reference::FeedForwardForward(kind, in[0]);
  };
  added.backward = [=](const DoubleMatrices& in,
                       const DoubleMatrix& dy) -> DoubleMatrices {
    return {reference::FeedForwardBackward(kind, in[0], dy)};
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix& dy, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix x = bench.Make(in[0], element);
    const Matrix y = bench.Make(rows, columns, element);
    lane.FeedForwardForward(kind, x, y);
    lane.FeedForwardBackward(bench.Make(dy, Element::kFloat32), x);
    return {bench.ValuesOf(y), bench.ValuesOf(x)};
  };
  return added;
}

// Inputs: x and z.
OperationCase DropoutCase(int64_t rows, int64_t columns, float rate,
                          int64_t first_row, Element element, bool in_place) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + columns));
  constexpr Element kFloat = Element::kFloat32;
  OperationCase added;
  added.name = absl::StrCat(
      "Dropout ", rows, " x ", columns, " rate ", rate, " from row ", first_row,
      in_place ? " in place" : "", ", dz ", NameOf(element));
  added.element = element;
  added.tolerance = ToleranceOf(element);
  added.inputs = {RandomMatrix(rows, columns, kFloat, &random),
                  RandomMatrix(rows, columns, kFloat, &random)};
  added.dy = RandomMatrix(rows, columns, kFloat, &random);
  const Dropout dropout{
      rate, CounterRandom(7, RandomPurpose::kDropout, 11, 5, 3), first_row};
  const DoubleMatrix factors =
      reference::DropoutFactors(rate, dropout.random, first_row, rows, columns);
  added.forward = [=](const DoubleMatrices& in) {
    return reference::Plus(in[0], reference::Times(in[1], factors));
  };
  added.backward = [=](const DoubleMatrices&,
                       const DoubleMatrix& dy) -> DoubleMatrices {
    return {dy, reference::Times(dy, factors)};
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix& dy, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix x = bench.Make(in[0], kFloat);
    const Matrix y = in_place ? x : bench.Make(rows, columns, kFloat);
    lane.AddDropped(dropout, x, bench.Make(in[1], kFloat), y);
    const Matrix derivative = bench.Make(dy, kFloat);
    const Matrix dz =
        in_place ? derivative : bench.Make(rows, columns, element);
    lane.Drop(dropout, derivative, dz);
    return {bench.ValuesOf(y), dy, bench.ValuesOf(dz)};
  };
  return added;
}

OperationCase RotateCase(int64_t rows, int64_t heads, int64_t head_width,
                         double base, int64_t context, int64_t first_position,
                         Element element) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + head_width));
  OperationCase added;
  added.name = absl::StrCat("Rotate ", rows, " x ", heads, " heads of ",
                            head_width, " base ", base, " context ", context,
                            " from ", first_position, " ", NameOf(element));
  added.element = element;
  added.tolerance = ToleranceOf(element);
  const int64_t columns = heads * head_width;
  added.inputs = {RandomMatrix(rows, columns, element, &random)};
  added.dy = RandomMatrix(rows, columns, element, &random);
  added.forward = [=](const DoubleMatrices& in) {
    return reference::Rotate(head_width, base, context, first_position,
                             /*backward=*/false, in[0]);
  };
  added.backward = [=](const DoubleMatrices&,
                       const DoubleMatrix& dy) -> DoubleMatrices {
    return {reference::Rotate(head_width, base, context, first_position,
                              /*backward=*/true, dy)};
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix& dy, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix x = bench.Make(in[0], element);
    const Matrix dx = bench.Make(dy, element);
    lane.Rotate(head_width, base, context, first_position, false, x);
    lane.Rotate(head_width, base, context, first_position, true, dx);
    return {bench.ValuesOf(x), bench.ValuesOf(dx)};
  };
  return added;
}

}  // namespace

void AddElementWiseCases(std::vector<OperationCase>* cases) {
  constexpr Element kFloat = Element::kFloat32, kBfloat = Element::kBfloat16;
  for (const int64_t rows : {1, 3, 65, 130}) {
    for (const int64_t columns : {1, 7, 16, 48, 256, 257}) {
      for (const FeedForward kind : {FEED_FORWARD_GELU, FEED_FORWARD_SWIGLU}) {
        for (const Element element : {kFloat, kBfloat}) {
          cases->push_back(FeedForwardCase(kind, rows, columns, element,
                                           rows == 3 ? 20 : 1));
        }
      }
      cases->push_back(DropoutCase(rows, columns, 0, 0, kBfloat, false));
      for (const float rate : {0.0f, 0.1f, 0.5f}) {
        cases->push_back(DropoutCase(rows, columns, rate, 0, kFloat, true));
        cases->push_back(DropoutCase(rows, columns, rate, 129, kFloat, false));
        cases->push_back(DropoutCase(rows, columns, rate, 1, kBfloat, false));
      }
    }
  }
  // More columns than pieces of a row may have.
  for (const FeedForward kind : {FEED_FORWARD_GELU, FEED_FORWARD_SWIGLU}) {
    cases->push_back(FeedForwardCase(kind, 2, 3001, kBfloat, 1));
  }
  cases->push_back(DropoutCase(2, 5001, 0.3f, 3, kFloat, false));
  for (const Element element : {kFloat, kBfloat}) {
    for (const int64_t rows : {1, 3, 65, 130}) {
      for (const int64_t head_width : {2, 8, 16, 64, 80}) {
        cases->push_back(
            RotateCase(rows, 3, head_width, 10000, 50, rows % 7, element));
      }
    }
    cases->push_back(RotateCase(5, 1, 16, 500000, 2048, 2046, element));
    cases->push_back(RotateCase(5, 2, 16, 10000, 2048, 1000, element));
    cases->push_back(RotateCase(5, 2, 8, 10000, 1, 0, element));
  }
}

}  // namespace hawser
