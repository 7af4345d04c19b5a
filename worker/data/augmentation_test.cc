#include "worker/data/augmentation.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr int64_t kSize = 28;

// A disc of radius 5 in the middle.
std::vector<float> Disc() {
  std::vector<float> image;
  for (int64_t y = 0; y < kSize; ++y) {
    for (int64_t x = 0; x < kSize; ++x) {
      image.push_back(std::hypot(static_cast<double>(y) - 13.5,
                                 static_cast<double>(x) - 13.5) < 5
                          ? 1.0f
                          : 0.0f);
    }
  }
  return image;
}

struct Moments {
  double mass = 0, x = 0, y = 0;
};
Moments Of(const std::vector<float>& image) {
  Moments moments;
  for (int64_t y = 0; y < kSize; ++y) {
    for (int64_t x = 0; x < kSize; ++x) {
      const double value = image[static_cast<size_t>(y * kSize + x)];
      moments.mass += value;
      moments.x += value * static_cast<double>(x);
      moments.y += value * static_cast<double>(y);
    }
  }
  moments.x /= moments.mass;
  moments.y /= moments.mass;
  return moments;
}

TEST(AugmentationTest, AShiftMovesTheCentreWithinItsBound) {
  AugmentationSpec spec;
  spec.set_shift_pixels(3);
  double furthest = 0;
  for (uint64_t position = 0; position < 200; ++position) {
    std::vector<float> image = Disc();
    Augment(spec, 1, 1, position, kSize, kSize, image.data());
    const Moments moments = Of(image);
    EXPECT_NEAR(moments.mass, Of(Disc()).mass, 1e-3);
    EXPECT_LE(std::abs(moments.x - 13.5), 3.001);
    EXPECT_LE(std::abs(moments.y - 13.5), 3.001);
    furthest = std::max(furthest, std::abs(moments.x - 13.5));
  }
  EXPECT_GT(furthest, 2.5);
}

TEST(AugmentationTest, RotationKeepsADiscAndScaleChangesItsArea) {
  AugmentationSpec rotation;
  rotation.set_rotation_degrees(90);
  std::vector<float> image = Disc();
  Augment(rotation, 1, 1, 5, kSize, kSize, image.data());
  EXPECT_NEAR(Of(image).mass, Of(Disc()).mass, 4);
  EXPECT_NEAR(Of(image).x, 13.5, 0.1);
  AugmentationSpec scale;
  scale.set_scale(0.2);
  double least = 1e9, most = 0;
  for (uint64_t position = 0; position < 100; ++position) {
    image = Disc();
    Augment(scale, 1, 1, position, kSize, kSize, image.data());
    least = std::min(least, Of(image).mass);
    most = std::max(most, Of(image).mass);
  }
  const double area = Of(Disc()).mass;
  EXPECT_NEAR(least, area * 0.64, area * 0.08);
  EXPECT_NEAR(most, area * 1.44, area * 0.08);
}

TEST(AugmentationTest, ElasticDisplacementsHaveTheStatedStrength) {
  // On a ramp the value moved is the distance moved.
  AugmentationSpec spec;
  spec.set_elastic_strength_pixels(1.5);
  spec.set_elastic_sigma_pixels(4);
  std::vector<float> ramp;
  for (int64_t i = 0; i < kSize * kSize; ++i) {
    ramp.push_back(static_cast<float>(i % kSize));
  }
  double square = 0;
  int64_t count = 0;
  for (uint64_t position = 0; position < 50; ++position) {
    std::vector<float> image = ramp;
    Augment(spec, 1, 1, position, kSize, kSize, image.data());
    for (int64_t y = 6; y < 22; ++y) {
      for (int64_t x = 6; x < 22; ++x) {
        const auto i = static_cast<size_t>(y * kSize + x);
        square += std::pow(image[i] - ramp[i], 2);
        ++count;
      }
    }
  }
  EXPECT_NEAR(std::sqrt(square / static_cast<double>(count)), 1.6, 0.4);
}

TEST(AugmentationTest, NothingAskedIsNeutral) {
  AugmentationSpec spec;
  EXPECT_TRUE(IsNeutral(spec));
  spec.set_scale(0.1);
  EXPECT_FALSE(IsNeutral(spec));
}

}  // namespace
}  // namespace hawser
