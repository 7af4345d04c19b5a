// Whether a backend's operations compute what lane.h says: every case of the
// list below on a lane, against the reference, and the reference against finite
// differences.
#include <atomic>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "worker/backend/cases/conformance.h"
#include "worker/backend/cases/operation_case.h"
#include "worker/backend/cpu/cpu_backend.h"
#include "worker/backend/thread_pool.h"

namespace hawser {
namespace {

TEST(OperationReferenceTest, GradientsAgreeWithFiniteDifferences) {
  std::mt19937 random(1);
  for (const OperationCase& each : AllOperationCases()) {
    // The reference is double whatever the lane's elements.
    if (!each.backward || each.element != Element::kFloat32) continue;
    SCOPED_TRACE(each.name);
    const DoubleMatrices gradient = each.backward(each.inputs, each.dy);
    ASSERT_EQ(gradient.size(), each.inputs.size());
    for (size_t i = 0; i < gradient.size(); ++i) {
      for (int trial = 0; trial < 2; ++trial) {
        DoubleMatrices above = each.inputs, below = each.inputs;
        DoubleMatrix direction = each.inputs[i];
        std::normal_distribution<double> normal;
        for (size_t j = 0; j < direction.values.size(); ++j) {
          direction.values[j] = normal(random);
          above[i].values[j] += each.step * direction.values[j];
          below[i].values[j] -= each.step * direction.values[j];
        }
        const double numeric =
            DotOf(each.dy,
                  DifferenceOf(each.forward(above), each.forward(below))) /
            (2 * each.step);
        EXPECT_NEAR(numeric, DotOf(gradient[i], direction),
                    1e-6 * (NormOf(gradient[i]) + each.small * NormOf(each.dy)))
            << "by input " << i;
      }
    }
  }
}

TEST(OperationTest, CpuAgreesWithTheReference) {
  ThreadPool pool(1);
  ExpectAgreement(MakeCpuBackend(&pool).get());
}

TEST(OperationTest, TheSameBitsInAnyOrder) {
  ThreadPool pool(1);
  ExpectTheSameBitsInAnyOrder(MakeCpuBackend(&pool).get());
}

// A panel's way through half a block of a transformer, and attention beside it.
struct Half {
  static constexpr int64_t kRows = 1000, kWidth = 48, kInner = 96,
                           kTokens = 100;
  static constexpr Element kFloat = Element::kFloat32;

  explicit Half(Backend* backend) : bench(0, backend) {
    std::mt19937 random(5);
    const auto make = [&](int64_t rows, int64_t columns) {
      return bench.Make(RandomMatrix(rows, columns, kFloat, &random), kFloat);
    };
    const Matrix x = make(kRows, kWidth), weight = make(1, kWidth);
    const Matrix up = make(kInner, kWidth), down = make(kWidth, kInner);
    const Norm norm{RMS_NORM, 1e-5f, weight.Row<float>(0), nullptr};
    y = bench.Make(kRows, kWidth, kFloat);
    attended = bench.Make(kRows, kWidth, kFloat);
    backend->ForEachPanel(kRows, [&](Lane& lane, int64_t first, int64_t count) {
      const Matrix normal(lane.Scratch(0, count * kWidth), count, kWidth);
      const Matrix inner(lane.Scratch(1, count * kInner), count, kInner);
      const Matrix gelu(lane.Scratch(2, count * kInner), count, kInner);
      const Matrix product(lane.Scratch(3, count * kWidth), count, kWidth);
      std::vector<float> statistics(static_cast<size_t>(2 * count));
      lane.NormForward(norm, x.Rows(first, count), normal, statistics.data());
      lane.Multiply({.transpose_b = true}, normal, up, inner);
      lane.FeedForwardForward(FEED_FORWARD_GELU, inner, gelu);
      lane.Multiply({.transpose_b = true}, gelu, down, product);
      const Dropout dropout{0.1f, CounterRandom(1, RandomPurpose::kDropout),
                            first};
      lane.AddDropped(dropout, x.Rows(first, count), product,
                      y.Rows(first, count));
    });
    backend->ForEach(kRows / kTokens, [&](Lane& lane, int64_t sample) {
      const auto of_sample = [&](Matrix of) {
        return of.Rows(sample * kTokens, kTokens);
      };
      std::vector<float> log_sums(static_cast<size_t>(3 * kTokens));
      const Matrix q = of_sample(y), k = of_sample(x).Columns(0, 16);
      lane.AttentionForward({.head_width = 16, .scale = 0.25f}, q, k, k,
                            of_sample(attended), log_sums.data());
    });
  }

  Workbench bench;
  Matrix y, attended;
};

TEST(OperationTest, TheSameBitsOnAnyNumberOfLanes) {
  DoubleMatrix y, attended;
  for (const int lanes : {1, 2, 3, 5}) {
    ThreadPool pool(lanes);
    const std::unique_ptr<Backend> backend = MakeCpuBackend(&pool);
    const Half half(backend.get());
    if (lanes == 1) {
      y = ValuesOf(half.y);
      attended = ValuesOf(half.attended);
    }
    EXPECT_EQ(ValuesOf(half.y), y) << lanes << " lanes";
    EXPECT_EQ(ValuesOf(half.attended), attended) << lanes << " lanes";
    EXPECT_TRUE(half.bench.Intact());
  }
}

// Panels cover all rows, each once.
TEST(OperationTest, PanelsCoverAllRows) {
  ThreadPool pool(3);
  const std::unique_ptr<Backend> backend = MakeCpuBackend(&pool);
  const int64_t size = backend->panel_rows();
  for (const int64_t rows :
       {int64_t{0}, int64_t{1}, size - 1, size, size + 1, 5 * size + 7}) {
    std::vector<std::atomic<int>> visits(static_cast<size_t>(rows));
    backend->ForEachPanel(rows, [&](Lane&, int64_t first, int64_t count) {
      EXPECT_LE(count, size);
      for (int64_t r = first; r < first + count; ++r) {
        ++visits[static_cast<size_t>(r)];
      }
    });
    for (const auto& visit : visits) EXPECT_EQ(visit, 1);
  }
}

}  // namespace
}  // namespace hawser
