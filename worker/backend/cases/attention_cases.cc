// AttentionForward and AttentionBackward.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "worker/backend/attention_reference.h"
#include "worker/backend/cases/operation_case.h"

namespace hawser {
namespace {

struct AttentionShape {
  int64_t queries = 0;
  int64_t first_position = 0;
  int64_t heads = 1;
  int64_t head_width = 8;
  float dropout = 0;
  // Of queries: large ones give weights that are nearly 0 or 1.
  double deviation = 1;
  int64_t later_keys = 0;  // beyond the last query's position
};

// Inputs: q, k and v.
OperationCase AttentionCase(const AttentionShape& shape, Element element) {
  const int64_t queries = shape.queries;
  const int64_t keys = shape.first_position + queries + shape.later_keys;
  const int64_t columns = shape.heads * shape.head_width;
  std::mt19937 random(static_cast<uint32_t>(queries * 1009 + columns));
  OperationCase added;
  added.name = absl::StrCat(
      "Attention ", queries, " queries from ", shape.first_position, ", ", keys,
      " keys, ", shape.heads, " heads of ", shape.head_width, " dropout ",
      shape.dropout, " deviation ", shape.deviation, " ", NameOf(element));
  added.element = element;
  // Several roundings: of weights, of their derivatives, and of results.
  added.tolerance =
      element == Element::kFloat32 ? kFloat32Tolerance : 2 * kBfloat16Tolerance;
  // Scores of some hundreds are known to 1e-5 in float32, and so are weights.
  if (shape.deviation > 1) added.tolerance *= 5;
  // The weight of an only key is 1, whatever the query.
  if (keys == 1) added.small = 1;
  added.inputs = {
      RandomMatrix(queries, columns, element, &random, shape.deviation),
      RandomMatrix(keys, shape.head_width, element, &random),
      RandomMatrix(keys, shape.head_width, element, &random)};
  added.dy = RandomMatrix(queries, columns, element, &random);
  Attention attention;
  attention.head_width = shape.head_width;
  attention.scale = 1 / std::sqrt(static_cast<float>(shape.head_width));
  attention.first_position = shape.first_position;
  attention.dropout = {shape.dropout,
                       CounterRandom(7, RandomPurpose::kDropout, 11, 5, 3), 77};
  added.forward = [=](const DoubleMatrices& in) {
    return reference::AttentionReference(attention, in[0], in[1], in[2])
        .Forward();
  };
  added.backward = [=](const DoubleMatrices& in,
                       const DoubleMatrix& dy) -> DoubleMatrices {
    const reference::AttentionGradient gradient =
        reference::AttentionReference(attention, in[0], in[1], in[2])
            .Backward(dy);
    return {gradient.dq, gradient.dk, gradient.dv};
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix& dy, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix q = bench.Make(in[0], element);
    const Matrix k = bench.Make(in[1], element);
    const Matrix v = bench.Make(in[2], element);
    const Matrix y = bench.Make(queries, columns, element);
    const Matrix dq = bench.Make(queries, columns, element);
    const Matrix dk = bench.Make(keys, shape.head_width, element);
    const Matrix dv = bench.Make(keys, shape.head_width, element);
    std::vector<float> log_sums(static_cast<size_t>(shape.heads * queries),
                                NAN);
    lane.AttentionForward(attention, q, k, v, y, log_sums.data());
    lane.AttentionBackward(attention, q, k, v, y, log_sums.data(),
                           bench.Make(dy, element), dq, dk, dv);
    return {ValuesOf(y), ValuesOf(dq), ValuesOf(dk), ValuesOf(dv)};
  };
  return added;
}

// The logarithms of the sums alone.
OperationCase LogSumsCase(int64_t queries, int64_t heads) {
  constexpr int64_t kHeadWidth = 16;
  constexpr Element kFloat = Element::kFloat32;
  std::mt19937 random(static_cast<uint32_t>(queries * 1009 + heads));
  OperationCase added;
  added.name = absl::StrCat("Attention's log sums, ", queries, " queries, ",
                            heads, " heads");
  added.inputs = {RandomMatrix(queries, heads * kHeadWidth, kFloat, &random),
                  RandomMatrix(queries, kHeadWidth, kFloat, &random),
                  RandomMatrix(queries, kHeadWidth, kFloat, &random)};
  Attention attention;
  attention.head_width = kHeadWidth;
  attention.scale = 0.25f;
  added.forward = [=](const DoubleMatrices& in) {
    return reference::AttentionReference(attention, in[0], in[1], in[2])
        .log_sums();
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix&, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    DoubleMatrix log_sums(heads, queries);
    std::vector<float> found(log_sums.values.size(), NAN);
    lane.AttentionForward(attention, bench.Make(in[0], kFloat),
                          bench.Make(in[1], kFloat), bench.Make(in[2], kFloat),
                          bench.Make(queries, heads * kHeadWidth, kFloat),
                          found.data());
    log_sums.values.assign(found.begin(), found.end());
    return {log_sums};
  };
  return added;
}

}  // namespace

void AddAttentionCases(std::vector<OperationCase>* cases) {
  for (const Element element : {Element::kFloat32, Element::kBfloat16}) {
    for (const int64_t queries : {1, 5, 64, 65, 200, 300}) {
      for (const int64_t head_width : {8, 16, 64, 80}) {
        cases->push_back(AttentionCase(
            {.queries = queries, .head_width = head_width}, element));
      }
      cases->push_back(
          AttentionCase({.queries = queries, .heads = 3}, element));
      cases->push_back(AttentionCase(
          {.queries = queries, .heads = 2, .dropout = 0.2f}, element));
      cases->push_back(AttentionCase({.queries = queries,
                                      .first_position = 70,
                                      .heads = 2,
                                      .dropout = 0.1f},
                                     element));
    }
    cases->push_back(AttentionCase(
        {.queries = 1, .first_position = 299, .heads = 4, .head_width = 16},
        element));
    cases->push_back(AttentionCase(
        {.queries = 66, .first_position = 130, .head_width = 7}, element));
    cases->push_back(AttentionCase(
        {.queries = 130, .heads = 2, .dropout = 0.5f, .later_keys = 140},
        element));
    for (const int64_t later_keys : {1, 57, 200}) {
      cases->push_back(AttentionCase({.queries = 1,
                                      .first_position = 70,
                                      .heads = 2,
                                      .later_keys = later_keys},
                                     element));
    }
    cases->push_back(AttentionCase(
        {.queries = 200, .heads = 2, .head_width = 16, .deviation = 30},
        element));
  }
  for (const int64_t queries : {1, 5, 65, 200}) {
    cases->push_back(LogSumsCase(queries, 2));
  }
}

}  // namespace hawser
