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
    float* log_sums = bench.MakeVector(shape.heads * queries);
    lane.AttentionForward(attention, q, k, v, y, log_sums);
    lane.AttentionBackward(attention, q, k, v, y, log_sums,
                           bench.Make(dy, element), dq, dk, dv);
    return {bench.ValuesOf(y), bench.ValuesOf(dq), bench.ValuesOf(dk),
            bench.ValuesOf(dv)};
  };
  return added;
}

// Several samples and groups at once, against the reference of each alone.
OperationCase BatchCase(int64_t samples, int64_t groups, int64_t heads,
                        int64_t queries, float dropout) {
  constexpr int64_t kHeadWidth = 8;
  constexpr Element kFloat = Element::kFloat32;
  const int64_t width = heads * kHeadWidth;  // of a group's queries
  std::mt19937 random(static_cast<uint32_t>(samples * 1009 + groups));
  OperationCase added;
  added.name = absl::StrCat("Attention of ", samples, " samples, ", groups,
                            " groups of ", heads, " heads, ", queries,
                            " queries, dropout ", dropout);
  added.inputs = {
      RandomMatrix(samples * queries, groups * width, kFloat, &random),
      RandomMatrix(samples * queries, groups * kHeadWidth, kFloat, &random),
      RandomMatrix(samples * queries, groups * kHeadWidth, kFloat, &random)};
  added.dy = RandomMatrix(samples * queries, groups * width, kFloat, &random);
  Attention attention;
  attention.samples = samples;
  attention.groups = groups;
  attention.head_width = kHeadWidth;
  attention.scale = 0.25f;
  attention.dropout = {dropout,
                       CounterRandom(7, RandomPurpose::kDropout, 11, 5, 3), 70};
  // use(reference, row, column of queries, column of keys)
  const auto for_each = [=](const DoubleMatrices& in, const auto& use) {
    for (int64_t s = 0; s < samples; ++s) {
      for (int64_t g = 0; g < groups; ++g) {
        Attention alone = attention;
        alone.dropout.first_row += (s * groups + g) * heads * queries;
        const auto keys = [&](const DoubleMatrix& x) {
          return x.Part(s * queries, g * kHeadWidth, queries, kHeadWidth);
        };
        use(reference::AttentionReference(
                alone, in[0].Part(s * queries, g * width, queries, width),
                keys(in[1]), keys(in[2])),
            s * queries, g * width, g * kHeadWidth);
      }
    }
  };
  added.forward = [=](const DoubleMatrices& in) {
    DoubleMatrix y(samples * queries, groups * width);
    for_each(in, [&](const reference::AttentionReference& part, int64_t row,
                     int64_t column,
                     int64_t) { y.AddPart(row, column, part.Forward()); });
    return y;
  };
  added.backward = [=](const DoubleMatrices& in, const DoubleMatrix& dy) {
    DoubleMatrices all;
    for (const DoubleMatrix& of : in) all.emplace_back(of.rows, of.columns);
    for_each(in, [&](const reference::AttentionReference& part, int64_t row,
                     int64_t column, int64_t key_column) {
      const reference::AttentionGradient gradient =
          part.Backward(dy.Part(row, column, queries, width));
      all[0].AddPart(row, column, gradient.dq);
      all[1].AddPart(row, key_column, gradient.dk);
      all[2].AddPart(row, key_column, gradient.dv);
    });
    return all;
  };
  added.run = [=](const DoubleMatrices& in, const DoubleMatrix& dy, Lane& lane,
                  Workbench& bench) -> DoubleMatrices {
    const Matrix q = bench.Make(in[0], kFloat);
    const Matrix k = bench.Make(in[1], kFloat);
    const Matrix v = bench.Make(in[2], kFloat);
    const auto like = [&](const DoubleMatrix& x) {
      return bench.Make(x.rows, x.columns, kFloat);
    };
    const Matrix y = like(in[0]), dq = like(in[0]);
    const Matrix dk = like(in[1]), dv = like(in[2]);
    float* log_sums = bench.MakeVector(samples * groups * heads * queries);
    lane.AttentionForward(attention, q, k, v, y, log_sums);
    lane.AttentionBackward(attention, q, k, v, y, log_sums,
                           bench.Make(dy, kFloat), dq, dk, dv);
    return {bench.ValuesOf(y), bench.ValuesOf(dq), bench.ValuesOf(dk),
            bench.ValuesOf(dv)};
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
    float* log_sums = bench.MakeVector(heads * queries);
    lane.AttentionForward(attention, bench.Make(in[0], kFloat),
                          bench.Make(in[1], kFloat), bench.Make(in[2], kFloat),
                          bench.Make(queries, heads * kHeadWidth, kFloat),
                          log_sums);
    return {bench.ValuesOf(log_sums, heads, queries)};
  };
  return added;
}

}  // namespace

void AddAttentionCases(std::vector<OperationCase>* cases) {
  for (const Element element : {Element::kFloat32, Element::kBfloat16}) {
    for (const int64_t queries : {1, 5, 64, 65, 200, 300}) {
      for (const int64_t head_width : {8, 16, 64, 80, 200}) {
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
  cases->push_back(BatchCase(3, 1, 2, 5, 0));
  cases->push_back(BatchCase(1, 3, 1, 33, 0));
  cases->push_back(BatchCase(2, 3, 2, 40, 0.2f));
}

}  // namespace hawser
