// EmbedForward and its ways back, CrossEntropyForward and -Backward.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "worker/backend/cases/operation_case.h"
#include "worker/backend/operation_reference.h"

namespace hawser {
namespace {

constexpr Element kFloat = Element::kFloat32;

std::vector<int32_t> RandomTokens(int64_t n, int64_t vocabulary,
                                  std::mt19937* random) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i) {
    tokens.push_back(static_cast<int32_t>((*random)() % vocabulary));
  }
  return tokens;
}

// Inputs: weight and, where context > 0, positions.
OperationCase EmbedCase(int64_t rows, int64_t vocabulary, int64_t columns,
                        int64_t context, int64_t first_position) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + columns));
  OperationCase added;
  added.name =
      absl::StrCat("Embed ", rows, " of ", vocabulary, " tokens, ", columns,
                   " columns, context ", context, " from ", first_position);
  added.inputs = {RandomMatrix(vocabulary, columns, kFloat, &random)};
  if (context > 0) {
    added.inputs.push_back(RandomMatrix(context, columns, kFloat, &random));
  }
  added.dy = RandomMatrix(rows, columns, kFloat, &random);
  const DoubleMatrix before =
      RandomMatrix(vocabulary, columns, kFloat, &random);
  const std::vector<int32_t> tokens = RandomTokens(rows, vocabulary, &random);
  added.forward = [=](const DoubleMatrices& in) {
    return reference::EmbedForward(
        tokens, in[0], context > 0 ? in[1] : DoubleMatrix(), first_position);
  };
  added.backward = [=](const DoubleMatrices&, const DoubleMatrix& dy) {
    DoubleMatrices gradient{reference::EmbedBackward(tokens, dy, vocabulary)};
    if (context > 0) {
      gradient.push_back(
          reference::PositionsBackward(dy, context, first_position));
    }
    return gradient;
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix& dy, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix x = bench.Make(rows, columns, kFloat);
    const absl::Span<const int32_t> ids = bench.MakeTokens(tokens);
    lane.EmbedForward(ids, bench.Make(in[0], kFloat),
                      context > 0 ? bench.Make(in[1], kFloat) : Matrix(),
                      first_position, x);
    // The way back adds to what is there.
    const Matrix dx = bench.Make(dy, kFloat);
    const Matrix dweight = bench.Make(before, kFloat);
    lane.EmbedBackward(ids, dx, dweight);
    DoubleMatrix added_sums = bench.ValuesOf(dweight);
    for (size_t i = 0; i < added_sums.values.size(); ++i) {
      added_sums.values[i] -= before.values[i];
    }
    DoubleMatrices results{bench.ValuesOf(x), added_sums};
    // Whole samples have positions from 0 on; their rows are done in two parts.
    if (context > 0 && first_position == 0 && rows % context == 0) {
      const Matrix dpositions = bench.Make(context, columns, kFloat);
      const int64_t part = context / 3;
      lane.PositionsBackward(dx, context, 0, dpositions.Rows(0, part));
      lane.PositionsBackward(dx, context, part,
                             dpositions.Rows(part, context - part));
      results.push_back(bench.ValuesOf(dpositions));
    }
    return results;
  };
  return added;
}

enum class Logits { kNormal, kExtreme, kHuge, kEqual };

// dlogits: where they are written.
enum class Place { kElsewhere, kOverLogits, kForwardOnly };

OperationCase CrossEntropyCase(int64_t rows, int64_t columns, Logits kind,
                               Place place, Element element) {
  std::mt19937 random(static_cast<uint32_t>(rows * 1009 + columns));
  OperationCase added;
  added.name = absl::StrCat("CrossEntropy ", rows, " x ", columns, " logits ",
                            static_cast<int>(kind), " place ",
                            static_cast<int>(place), " ", NameOf(element));
  added.element = element;
  added.tolerance = ToleranceOf(element);
  added.output_error = 1e-7;  // the loss is a logarithm of a float32
  DoubleMatrix logits = RandomMatrix(rows, columns, kFloat, &random, 3);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      if (kind == Logits::kExtreme) logits(r, c) = random() % 2 ? 80 : -80;
      if (kind == Logits::kEqual) logits(r, c) = 5;
    }
    if (kind == Logits::kHuge) logits(r, (7 * r) % columns) = 1000;
  }
  added.inputs = {logits};
  const double scale = RoundedTo(kFloat, 0.037);
  added.dy = DoubleMatrix(rows, 1, scale);
  const std::vector<int32_t> labels = RandomTokens(rows, columns, &random);
  added.forward = [=](const DoubleMatrices& in) {
    return reference::CrossEntropyForward(labels, in[0]);
  };
  added.backward = [=](const DoubleMatrices& in,
                       const DoubleMatrix& dy) -> DoubleMatrices {
    return {reference::CrossEntropyBackward(labels, in[0], dy)};
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix&, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix x = bench.Make(in[0], kFloat);
    float* losses = bench.MakeVector(rows);
    const absl::Span<const int32_t> classes = bench.MakeTokens(labels);
    if (place == Place::kForwardOnly) {
      lane.CrossEntropyForward(classes, x, losses);
      return {bench.ValuesOf(losses, rows, 1)};
    }
    const Matrix dlogits =
        place == Place::kOverLogits ? x : bench.Make(rows, columns, element);
    lane.CrossEntropyBackward(classes, x, static_cast<float>(scale), losses,
                              dlogits);
    return {bench.ValuesOf(losses, rows, 1), bench.ValuesOf(dlogits)};
  };
  return added;
}

}  // namespace

void AddTokenCases(std::vector<OperationCase>* cases) {
  for (const int64_t columns : {1, 7, 16, 48, 257}) {
    cases->push_back(EmbedCase(1, 5, columns, 0, 0));
    cases->push_back(EmbedCase(130, 11, columns, 0, 0));  // tokens repeat
    cases->push_back(EmbedCase(65, 1, columns, 13, 0));   // one token only
    cases->push_back(EmbedCase(130, 300, columns, 65, 0));
    cases->push_back(EmbedCase(65, 40, columns, 20, 17));
  }
  for (const int64_t rows : {1, 3, 65, 130}) {
    for (const int64_t columns : {2, 7, 16, 48, 256, 257, 1000}) {
      for (const Logits kind :
           {Logits::kNormal, Logits::kExtreme, Logits::kHuge, Logits::kEqual}) {
        cases->push_back(
            CrossEntropyCase(rows, columns, kind, Place::kForwardOnly, kFloat));
        cases->push_back(
            CrossEntropyCase(rows, columns, kind, Place::kOverLogits, kFloat));
        cases->push_back(
            CrossEntropyCase(rows, columns, kind, Place::kElsewhere, kFloat));
        cases->push_back(CrossEntropyCase(
            rows, columns, kind, Place::kElsewhere, Element::kBfloat16));
      }
    }
  }
}

}  // namespace hawser
