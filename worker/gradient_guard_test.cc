#include "worker/gradient_guard.h"

#include <cmath>
#include <limits>
#include <vector>

#include "common/crc32c.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;

constexpr uint64_t kLayer = 5000;  // elements

class Recorder : public LayerObserver {
 public:
  bool AwaitParameters(int layer) override {
    awaited.push_back(layer);
    return layer != missing;
  }
  void GradientDone(int layer) override { done.push_back(layer); }

  int missing = -1;
  std::vector<int> awaited;
  std::vector<int> done;
};

class GradientGuardTest : public testing::Test {
 protected:
  GradientGuardTest() : gradient_(3 * kLayer, 1.5f) {
    for (uint64_t layer = 0; layer < 3; ++layer) {
      plan_.add_layers()->set_offset(layer * kLayer);
      plan_.mutable_layers(static_cast<int>(layer))->set_elements(kLayer);
    }
  }

  void Run(GradientGuard* guard) {
    for (int layer = 0; layer < 3; ++layer) {
      EXPECT_EQ(guard->AwaitParameters(layer), layer != observer_.missing);
    }
    for (int layer = 2; layer >= 0; --layer) guard->GradientDone(layer);
  }

  Plan plan_;
  std::vector<float> gradient_;
  Recorder observer_;
};

TEST_F(GradientGuardTest, TellsOfLayersThatAreFinite) {
  GradientGuard guard(plan_, gradient_.data(), false, &observer_);
  Run(&guard);
  EXPECT_THAT(observer_.awaited, ElementsAre(0, 1, 2));
  EXPECT_THAT(observer_.done, ElementsAre(2, 1, 0));
  EXPECT_FALSE(guard.not_finite_layer().has_value());
}

TEST_F(GradientGuardTest, TellsOfNoLayerFromTheFirstThatIsNot) {
  const float bad[] = {std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity(),
                       std::numeric_limits<float>::quiet_NaN(),
                       -std::numeric_limits<float>::quiet_NaN()};
  for (const float value : bad) {
    for (const uint64_t at : {kLayer, kLayer + 4095, 2 * kLayer - 1}) {
      gradient_[at] = value;
      observer_ = Recorder();
      GradientGuard guard(plan_, gradient_.data(), true, &observer_);
      Run(&guard);
      EXPECT_THAT(observer_.done, ElementsAre(2)) << value << " at " << at;
      EXPECT_EQ(guard.not_finite_layer(), 1);
      gradient_[at] = std::numeric_limits<float>::max();
    }
  }
}

TEST_F(GradientGuardTest, TheDigestIsOfEveryBit) {
  const auto digest = [&] {
    GradientGuard guard(plan_, gradient_.data(), true, &observer_);
    Run(&guard);
    return guard.digest();
  };
  uint32_t expected = 0;
  for (const uint64_t layer : {2, 1, 0}) {
    expected = Crc32cExtend(expected, gradient_.data() + layer * kLayer,
                            kLayer * sizeof(float));
  }
  EXPECT_EQ(digest(), expected);
  gradient_[kLayer + 3] = std::nextafter(1.5f, 2.0f);
  EXPECT_NE(digest(), expected);
}

}  // namespace
}  // namespace hawser
