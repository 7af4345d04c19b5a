// Layout, blocks and initial values together: what a model's parameter vector
// looks like before the first step.
#include <cmath>
#include <vector>

#include "common/job/blocks.h"
#include "common/job/initial_values.h"
#include "common/job/model_layout.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

ModelSpec Mlp(std::vector<uint32_t> sizes, WeightInitialisation kind) {
  ModelSpec model;
  for (const uint32_t size : sizes) model.mutable_mlp()->add_layer_sizes(size);
  model.mutable_mlp()->set_initialisation(kind);
  return model;
}

Plan PlanOf(const ModelLayout& layout, uint32_t block_elements) {
  Plan plan;
  plan.mutable_spec()->set_seed(7);
  plan.set_parameters(layout.parameters);
  for (const auto& tensor : layout.tensors) *plan.add_tensors() = tensor;
  for (const auto& block : CutIntoBlocks(layout, block_elements)) {
    *plan.add_blocks() = block;
  }
  return plan;
}

std::vector<float> Initial(const Plan& plan) {
  std::vector<float> theta(plan.parameters(), NAN);
  for (const Block& block : plan.blocks()) {
    FillBlock(plan, block, theta.data() + block.offset());
  }
  return theta;
}

TEST(JobLayoutTest, TheMnistMlpHasItsKnownShape) {
  const auto layout = LayoutOf(Mlp({784, 128, 10}, FAN_IN_UNIFORM));
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->parameters, 101770u);
  ASSERT_EQ(layout->layers.size(), 2u);
  EXPECT_EQ(layout->layers[1].offset(), 784u * 128 + 128);
  ASSERT_EQ(layout->tensors.size(), 4u);
  EXPECT_EQ(layout->tensors[0].name(), "layers.0.weight");
  EXPECT_EQ(layout->tensors[0].dimensions(0), 128u);
  EXPECT_EQ(layout->tensors[0].dimensions(1), 784u);
  EXPECT_EQ(layout->tensors[3].offset(), 101770u - 10);
}

TEST(JobLayoutTest, BlocksCoverEveryElementOnceAndCrossNoLayer) {
  const auto layout = LayoutOf(Mlp({50, 41, 30, 3}, FAN_IN_UNIFORM));
  ASSERT_TRUE(layout.ok());
  for (const uint32_t size : {1u, 7u, 256u, 1000000u}) {
    uint64_t at = 0;
    for (const Block& block : CutIntoBlocks(*layout, size)) {
      EXPECT_EQ(block.offset(), at);
      EXPECT_LE(block.elements(), size);
      const LayerShape& layer = layout->layers[block.layer()];
      EXPECT_GE(block.offset(), layer.offset());
      at += block.elements();
      EXPECT_LE(at, layer.offset() + layer.elements());
    }
    EXPECT_EQ(at, layout->parameters);
  }
}

TEST(JobLayoutTest, AnyCutGivesTheSameInitialBits) {
  for (const auto kind : {FAN_IN_UNIFORM, GLOROT_UNIFORM, HE_NORMAL}) {
    const auto layout = LayoutOf(Mlp({31, 17, 5}, kind));
    ASSERT_TRUE(layout.ok());
    const std::vector<float> whole = Initial(PlanOf(*layout, 1 << 20));
    for (const uint32_t size : {1u, 3u, 64u, 500u}) {
      EXPECT_EQ(Initial(PlanOf(*layout, size)), whole) << size;
    }
  }
}

TEST(JobLayoutTest, InitialValuesHaveTheStatedDistribution) {
  const double kInputs = 400, kOutputs = 300;
  for (const auto kind : {FAN_IN_UNIFORM, GLOROT_UNIFORM, HE_NORMAL}) {
    const auto layout = LayoutOf(Mlp({400, 300}, kind));
    ASSERT_TRUE(layout.ok());
    const std::vector<float> theta = Initial(PlanOf(*layout, 1 << 20));
    double sum = 0, square = 0, most = 0;
    const size_t weights = 400 * 300;
    for (size_t i = 0; i < weights; ++i) {
      sum += theta[i];
      square += double{theta[i]} * theta[i];
      most = std::max(most, std::abs(double{theta[i]}));
    }
    const double variance = kind == HE_NORMAL        ? 2 / kInputs
                            : kind == GLOROT_UNIFORM ? 2 / (kInputs + kOutputs)
                                                     : 1 / (3 * kInputs);
    EXPECT_NEAR(square / weights, variance, 0.02 * variance);
    EXPECT_NEAR(sum / weights, 0, 5 * std::sqrt(variance / weights));
    if (kind != HE_NORMAL) {
      EXPECT_LE(most, std::sqrt(3 * variance) * 1.00001);
    }
    const bool has_bias = kind == FAN_IN_UNIFORM;
    EXPECT_EQ(theta.back() != 0, has_bias);
  }
}

}  // namespace
}  // namespace hawser
