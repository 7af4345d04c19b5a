// The bits of every optimizer: numpy's for any vector width, and the same for
// any cut and alignment of the vectors. BUILD makes one test of this file for
// each width (HAWSER_SIMD_TARGET), and one for the choice at run time.
#include <zlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/optimizer/optimizer.h"
#include "common/optimizer/optimizer_cases.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr int64_t kElements = 1003;

// noise() of tests/golden/optimizer_golden.py.
std::vector<float> Noise(int stream) {
  std::vector<float> noise;
  for (int64_t i = 0; i < kElements; ++i) {
    const auto n = static_cast<uint32_t>(kElements * stream + i);
    const auto whole = static_cast<int32_t>((n * 2654435761u) >> 8);
    noise.push_back(static_cast<float>(whole - (1 << 23)) / (1 << 23));
  }
  return noise;
}

enum class Target { kNext, kTheta, kGradient };

struct Cut {
  int64_t elements = kElements;  // of a piece
  int64_t offset = 0;            // of the first element from the allocation
  Target target = Target::kNext;
};

// The parameters after 4 steps, then the state vectors.
std::vector<std::vector<float>> FourSteps(const Optimizer& optimizer, Cut cut) {
  const auto moved = [cut](std::vector<float> vector) {
    vector.insert(vector.begin(), static_cast<size_t>(cut.offset), 0.0f);
    return vector;
  };
  std::vector<std::vector<float>> vectors = {moved(Noise(0))};
  for (size_t s = 0; s < optimizer.StateNames().size(); ++s) {
    vectors.push_back(moved(std::vector<float>(
        kElements, optimizer.InitialState(static_cast<int>(s)))));
  }
  std::vector<float> next(vectors[0].size());
  for (int t = 0; t < 4; ++t) {
    std::vector<float> gradient = moved(Noise(1 + t));
    const UpdateStep step = {static_cast<uint64_t>(t), 0.1 / (1 + t), 0.25f};
    std::vector<float>& target = cut.target == Target::kNext    ? next
                                 : cut.target == Target::kTheta ? vectors[0]
                                                                : gradient;
    for (int64_t done = 0; done < kElements; done += cut.elements) {
      const int64_t at = cut.offset + done;
      std::vector<float*> states;
      for (size_t s = 1; s < vectors.size(); ++s) {
        states.push_back(vectors[s].data() + at);
      }
      optimizer.Apply(step, vectors[0].data() + at, gradient.data() + at,
                      std::min(cut.elements, kElements - done),
                      target.data() + at, absl::MakeSpan(states));
    }
    if (&target != &vectors[0]) std::swap(vectors[0], target);
  }
  for (auto& vector : vectors) {
    vector.erase(vector.begin(), vector.begin() + cut.offset);
  }
  return vectors;
}

class OptimizerBitsTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(HAWSER_SIMD_TARGET)
#if defined(__x86_64__)
#define HAWSER_QUOTE(x) #x
#define HAWSER_QUOTE_VALUE(x) HAWSER_QUOTE(x)
    if (!__builtin_cpu_supports(HAWSER_QUOTE_VALUE(HAWSER_SIMD_TARGET))) {
      GTEST_SKIP() << "this CPU lacks "
                   << HAWSER_QUOTE_VALUE(HAWSER_SIMD_TARGET);
    }
#else
    GTEST_SKIP() << "vector widths are chosen on x86-64 only";
#endif
#endif
  }
};

TEST_F(OptimizerBitsTest, AreNumpys) {
  const auto golden = OptimizerGolden();
  for (const auto& [name, spec] : OptimizerCases()) {
    const auto optimizer = MakeOptimizer(spec);
    ASSERT_TRUE(optimizer.ok()) << optimizer.status();
    std::vector<double> got;
    for (const std::vector<float>& vector : FourSteps(**optimizer, {})) {
      got.push_back(static_cast<double>(
          crc32(0, reinterpret_cast<const Bytef*>(vector.data()),
                static_cast<uInt>(vector.size() * sizeof(float)))));
    }
    EXPECT_EQ(got, golden.at("bits " + name)) << name;
  }
}

TEST_F(OptimizerBitsTest, DoNotDependOnCutOrAlignmentOrPlace) {
  for (const auto& [name, spec] : OptimizerCases()) {
    const auto optimizer = MakeOptimizer(spec);
    ASSERT_TRUE(optimizer.ok()) << optimizer.status();
    const auto whole = FourSteps(**optimizer, {});
    for (const Target target :
         {Target::kNext, Target::kTheta, Target::kGradient}) {
      for (const int64_t elements : {1, 3, 16, 250, 1003}) {
        for (const int64_t offset : {0, 1, 7}) {
          EXPECT_EQ(FourSteps(**optimizer, {elements, offset, target}), whole)
              << name << " in pieces of " << elements << ", moved by " << offset
              << ", into target " << static_cast<int>(target);
        }
      }
    }
  }
}

}  // namespace
}  // namespace hawser
