#include "client/data_plane/block_channels.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;

class NoChannel : public ParameterChannel {
 public:
  explicit NoChannel(uint64_t bytes_for_two) : bytes_(bytes_for_two) {}
  absl::StatusOr<uint64_t> GetProgress(uint64_t, uint64_t) override {
    return 0;
  }
  absl::Status Send(const FrameHeader&, absl::Span<const char>) override {
    return absl::OkStatus();
  }
  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)>)
      override {
    return absl::OkStatus();
  }
  uint64_t BytesForTwo() const override { return bytes_; }
  void Cancel() override {}

 private:
  const uint64_t bytes_;
};

// Blocks of so many elements, by turns on two servers of three.
BlockChannels Channels(const std::vector<uint64_t>& elements,
                       uint64_t bytes_for_two) {
  Plan plan;
  for (uint64_t node = 10; node < 13; ++node) {
    plan.add_servers()->set_node(node);
  }
  for (const uint64_t of_block : elements) {
    Block* block = plan.add_blocks();
    block->set_id(static_cast<uint32_t>(plan.blocks_size()) - 1);
    block->set_server(block->id() % 2 == 0 ? 0 : 2);
    block->set_elements(of_block);
  }
  return BlockChannels(plan, [=](const ServerEndpoint&) {
    return std::make_unique<NoChannel>(bytes_for_two);
  });
}

TEST(BlockChannelsTest, AServerWithLittleToCarryHasOneWithAllItsBlocks) {
  const BlockChannels channels = Channels({10, 10, 10, 10}, 81);
  ASSERT_EQ(channels.all().size(), 2u);
  EXPECT_EQ(channels.all()[0].server, 0);
  EXPECT_THAT(channels.all()[0].blocks, ElementsAre(0, 2));
  EXPECT_TRUE(channels.all()[0].carries_all);
  EXPECT_EQ(channels.all()[1].server, 2);
  EXPECT_THAT(channels.all()[1].blocks, ElementsAre(1, 3));
  EXPECT_EQ(channels.Of(3), 1u);
}

TEST(BlockChannelsTest, OneWithMuchHasTwoThatCarryAboutAsMuch) {
  const BlockChannels channels =
      Channels({40, 1, 10, 1, 10, 1, 10, 1, 10, 1}, 320);
  ASSERT_EQ(channels.all().size(), 3u);
  EXPECT_THAT(channels.all()[0].blocks, ElementsAre(0));
  EXPECT_THAT(channels.all()[1].blocks, ElementsAre(2, 4, 6, 8));
  for (const size_t i : {0, 1}) {
    EXPECT_EQ(channels.all()[i].server, 0);
    EXPECT_FALSE(channels.all()[i].carries_all);
  }
  EXPECT_EQ(channels.all()[2].server, 2);
  EXPECT_TRUE(channels.all()[2].carries_all);
  EXPECT_TRUE(channels.IsFirstOfTwo(0));
  EXPECT_FALSE(channels.IsFirstOfTwo(1));
  EXPECT_FALSE(channels.IsFirstOfTwo(2));
  EXPECT_EQ(channels.Of(0), 0u);
  EXPECT_EQ(channels.Of(6), 1u);
  EXPECT_EQ(channels.Of(9), 2u);
}

TEST(BlockChannelsTest, OneBlockCannotBeDealt) {
  const BlockChannels channels = Channels({100}, 0);
  ASSERT_EQ(channels.all().size(), 1u);
  EXPECT_TRUE(channels.all()[0].carries_all);
}

}  // namespace
}  // namespace hawser
