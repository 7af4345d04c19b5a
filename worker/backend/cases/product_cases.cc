// Multiply, SumRows, Convert and Transpose.
#include "absl/strings/str_cat.h"
#include "worker/backend/cases/operation_case.h"
#include "worker/backend/operation_reference.h"

namespace hawser {
namespace {

struct ProductShape {
  int64_t m, n, k;
};

struct Elements {
  Element operands, product;
};

// Inputs: a, b, and where they are there bias [1, n] and what c is added to.
OperationCase MultiplyCase(ProductShape shape, Elements elements,
                           bool transpose_a, bool transpose_b, bool with_bias,
                           bool accumulate) {
  const auto [m, n, k] = shape;
  std::mt19937 random(static_cast<uint32_t>(m * 1000003 + n * 1009 + k));
  OperationCase added;
  added.name = absl::StrCat(
      "Multiply m=", m, " n=", n, " k=", k, transpose_a ? " a^T" : "",
      transpose_b ? " b^T" : "", with_bias ? " bias" : "",
      accumulate ? " accumulate" : "", " ", NameOf(elements.operands), " to ",
      NameOf(elements.product));
  added.element = elements.operands == Element::kFloat32 ? elements.product
                                                         : elements.operands;
  added.tolerance = ToleranceOf(elements.product);
  added.inputs = {transpose_a ? RandomMatrix(k, m, elements.operands, &random)
                              : RandomMatrix(m, k, elements.operands, &random),
                  transpose_b ? RandomMatrix(n, k, elements.operands, &random)
                              : RandomMatrix(k, n, elements.operands, &random)};
  if (with_bias) {
    added.inputs.push_back(RandomMatrix(1, n, Element::kFloat32, &random));
  }
  if (accumulate) {
    added.inputs.push_back(RandomMatrix(m, n, elements.product, &random));
  }
  added.dy = RandomMatrix(m, n, Element::kFloat32, &random);
  const auto turned = [](bool transpose, const DoubleMatrix& x) {
    return transpose ? reference::Transposed(x) : x;
  };
  added.forward = [=](const DoubleMatrices& in) {
    DoubleMatrix c = reference::Product(turned(transpose_a, in[0]),
                                        turned(transpose_b, in[1]));
    for (int64_t r = 0; with_bias && r < m; ++r) c.AddPart(r, 0, in[2]);
    return accumulate ? reference::Plus(c, in.back()) : c;
  };
  added.backward = [=](const DoubleMatrices& in, const DoubleMatrix& dy) {
    const DoubleMatrix da = reference::Product(dy, turned(!transpose_b, in[1]));
    const DoubleMatrix db = reference::Product(turned(!transpose_a, in[0]), dy);
    DoubleMatrices gradient{turned(transpose_a, da), turned(transpose_b, db)};
    if (with_bias) gradient.push_back(reference::SumOfRows(dy));
    if (accumulate) gradient.push_back(dy);
    return gradient;
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix&, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix c = accumulate ? bench.Make(in.back(), elements.product)
                                : bench.Make(m, n, elements.product);
    lane.Multiply({.transpose_a = transpose_a,
                   .transpose_b = transpose_b,
                   .accumulate = accumulate,
                   .bias = with_bias ? bench.MakeVector(in[2]) : nullptr},
                  bench.Make(in[0], elements.operands),
                  bench.Make(in[1], elements.operands), c);
    return {bench.ValuesOf(c)};
  };
  return added;
}

OperationCase SumRowsCase(int64_t rows, int64_t columns, Element element) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + columns));
  OperationCase added;
  added.name =
      absl::StrCat("SumRows ", rows, " x ", columns, " ", NameOf(element));
  added.element = element;
  added.inputs = {RandomMatrix(rows, columns, element, &random)};
  added.forward = [](const DoubleMatrices& in) {
    return reference::SumOfRows(in[0]);
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix&, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    float* sums = bench.MakeVector(columns);
    lane.SumRows(bench.Make(in[0], element), sums);
    return {bench.ValuesOf(sums, 1, columns)};
  };
  return added;
}

// To the bit, halves between two bfloat16 among them.
OperationCase ConvertCase(int64_t rows, int64_t columns, Element from,
                          Element to) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + columns));
  OperationCase added;
  added.name = absl::StrCat("Convert ", rows, " x ", columns, " ", NameOf(from),
                            " to ", NameOf(to));
  added.element = Element::kBfloat16;
  added.tolerance = 0;
  DoubleMatrix x = RandomMatrix(rows, columns, from, &random);
  for (size_t i = 0; i < x.values.size(); i += 3) {
    x.values[i] = RoundedTo(from, 1 + static_cast<double>(i % 512) * 0x1p-8);
  }
  added.inputs = {x};
  added.forward = [=](const DoubleMatrices& in) {
    return RoundedTo(to, in[0]);
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix&, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix y = bench.Make(rows, columns, to);
    lane.Convert(bench.Make(in[0], from), y);
    return {bench.ValuesOf(y)};
  };
  return added;
}

// To the bit.
OperationCase TransposeCase(int64_t rows, int64_t columns) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + columns));
  OperationCase added;
  added.name = absl::StrCat("Transpose ", rows, " x ", columns);
  added.tolerance = 0;
  added.inputs = {RandomMatrix(rows, columns, added.element, &random)};
  added.forward = [=](const DoubleMatrices& in) {
    DoubleMatrix y(columns, rows);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) y(c, r) = in[0](r, c);
    }
    return y;
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix&, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix y = bench.Make(columns, rows, Element::kFloat32);
    lane.Transpose(bench.Make(in[0], Element::kFloat32), y);
    return {bench.ValuesOf(y)};
  };
  return added;
}

}  // namespace

void AddProductCases(std::vector<OperationCase>* cases) {
  constexpr Element kFloat = Element::kFloat32, kBfloat = Element::kBfloat16;
  for (const Elements elements :
       {Elements{kFloat, kFloat}, Elements{kBfloat, kFloat},
        Elements{kBfloat, kBfloat}}) {
    for (const ProductShape shape :
         {ProductShape{1, 1, 1}, ProductShape{3, 7, 5}, ProductShape{1, 48, 16},
          ProductShape{65, 1, 7}, ProductShape{65, 48, 16},
          ProductShape{130, 257, 48}, ProductShape{3, 16, 257}}) {
      for (int turn = 0; turn < 4; ++turn) {
        for (int rest = 0; rest < 4; ++rest) {
          const bool accumulate = (rest & 2) != 0;
          if (accumulate && elements.product != kFloat) continue;
          cases->push_back(MultiplyCase(shape, elements, (turn & 1) != 0,
                                        (turn & 2) != 0, (rest & 1) != 0,
                                        accumulate));
        }
      }
    }
  }
  for (const int64_t rows : {1, 3, 65, 130, 1100}) {
    for (const int64_t columns : {1, 7, 16, 48, 257}) {
      if (rows > 1000 && columns > 48) continue;
      cases->push_back(TransposeCase(rows, columns));
      for (const Element element : {kFloat, kBfloat}) {
        cases->push_back(SumRowsCase(rows, columns, element));
        for (const Element to : {kFloat, kBfloat}) {
          cases->push_back(ConvertCase(rows, columns, element, to));
        }
      }
    }
  }
  cases->push_back(TransposeCase(36, 20));
}

}  // namespace hawser
