#include "worker/backend/cases/conformance.h"

#include <cmath>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace hawser {
namespace {

double LargestOf(const DoubleMatrix& x) {
  double largest = 0;
  for (const double value : x.values) {
    if (!(std::abs(value) <= largest)) largest = std::abs(value);
  }
  return largest;
}

// error: what each element may have besides.
void ExpectClose(const DoubleMatrix& found, const DoubleMatrix& expected,
                 const OperationCase& of, double error) {
  ASSERT_EQ(found.rows, expected.rows);
  ASSERT_EQ(found.columns, expected.columns);
  const DoubleMatrix difference = DifferenceOf(found, expected);
  const double scale = NormOf(expected) + of.small * NormOf(of.dy);
  const auto elements = static_cast<double>(difference.values.size());
  EXPECT_LE(NormOf(difference),
            of.tolerance * scale + error * std::sqrt(elements))
      << "relative error " << NormOf(difference) / scale;
  // No single element may hide in the whole.
  const double largest = LargestOf(expected) + of.small * LargestOf(of.dy);
  EXPECT_LE(LargestOf(difference), 4 * of.tolerance * largest + error)
      << "relative error of one element " << LargestOf(difference) / largest;
}

// Runs a case as one task of a backend.
DoubleMatrices ResultsOf(const OperationCase& of, int64_t margin,
                         Backend* backend) {
  DoubleMatrices results;
  Workbench bench(margin, backend);
  backend->ForEach(1, [&](Lane& lane, int64_t) {
    results = of.run(of.inputs, of.dy, lane, bench);
  });
  EXPECT_TRUE(bench.Intact()) << "wrote beyond a matrix";
  return results;
}

// Those that the backend can compute; how many it cannot.
std::vector<OperationCase> CasesOf(Backend* backend, size_t* left_out) {
  std::vector<OperationCase> cases = AllOperationCases();
  *left_out = std::erase_if(cases, [&](const OperationCase& each) {
    return !backend->Supports(each.element).ok();
  });
  return cases;
}

}  // namespace

std::vector<OperationCase> AllOperationCases() {
  std::vector<OperationCase> cases;
  AddProductCases(&cases);
  AddNormCases(&cases);
  AddElementWiseCases(&cases);
  AddAttentionCases(&cases);
  AddTokenCases(&cases);
  return cases;
}

double DotOf(const DoubleMatrix& x, const DoubleMatrix& y) {
  CHECK_EQ(x.values.size(), y.values.size());
  double sum = 0;
  for (size_t i = 0; i < x.values.size(); ++i) sum += x.values[i] * y.values[i];
  return sum;
}

double NormOf(const DoubleMatrix& x) { return std::sqrt(DotOf(x, x)); }

DoubleMatrix DifferenceOf(const DoubleMatrix& x, const DoubleMatrix& y) {
  DoubleMatrix difference = x;
  for (size_t i = 0; i < y.values.size(); ++i) {
    difference.values[i] -= y.values[i];
  }
  return difference;
}

void ExpectAgreement(Backend* backend) {
  size_t left_out = 0;
  for (const OperationCase& each : CasesOf(backend, &left_out)) {
    SCOPED_TRACE(each.name);
    DoubleMatrices expected{each.forward(each.inputs)};
    if (each.backward) {
      for (DoubleMatrix& gradient : each.backward(each.inputs, each.dy)) {
        expected.push_back(std::move(gradient));
      }
    }
    for (const int64_t margin : {0, 3}) {
      SCOPED_TRACE(margin == 0 ? "matrices of their own" : "within wider ones");
      const DoubleMatrices found = ResultsOf(each, margin, backend);
      ASSERT_TRUE(backend->status().ok()) << backend->status();
      ASSERT_LE(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i) {
        SCOPED_TRACE(i == 0 ? std::string("output")
                            : "gradient by input " + std::to_string(i - 1));
        ExpectClose(found[i], expected[i], each,
                    i == 0 ? each.output_error : 0);
      }
    }
  }
  if (left_out > 0) {
    std::cout << left_out << " cases of bfloat16 left out: "
              << backend->Supports(Element::kBfloat16) << "\n";
  }
}

void ExpectTheSameBitsInAnyOrder(Backend* backend, size_t every) {
  size_t left_out = 0, number = 0;
  std::vector<OperationCase> cases;
  for (const OperationCase& each : CasesOf(backend, &left_out)) {
    if (number++ % every == 0) cases.push_back(each);
  }
  std::vector<DoubleMatrices> first;
  for (const OperationCase& each : cases) {
    first.push_back(ResultsOf(each, 0, backend));
  }
  for (size_t i = cases.size(); i-- > 0;) {
    EXPECT_EQ(ResultsOf(cases[i], 0, backend), first[i]) << cases[i].name;
  }
  EXPECT_TRUE(backend->status().ok()) << backend->status();
}

}  // namespace hawser
