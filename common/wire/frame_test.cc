#include "common/wire/frame.h"

#include <string>
#include <vector>

#include "common/crc32c.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

FrameHeader Example() {
  FrameHeader header;
  header.kind = FrameKind::kPush;
  header.job = 7;
  header.incarnation = 0x0102030405060708;
  header.codec = CodecId{3};
  header.node = 9;
  header.clock = 1000000007;
  header.block = 42;
  header.tree_node = {3, 5};
  header.sums = {-123456789, 17, 64};
  header.position = 11;
  header.updates = 12;
  header.run = 13;
  header.payload_bytes = 4096;
  header.payload_crc32c = 0xdeadbeef;
  return header;
}

TEST(FrameTest, EveryFieldSurvivesTheWire) {
  const FrameHeader sent = Example();
  const auto got = DecodeFrameHeader(EncodeFrameHeader(sent));
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->kind, sent.kind);
  EXPECT_EQ(got->codec, sent.codec);
  EXPECT_EQ(got->job, sent.job);
  EXPECT_EQ(got->incarnation, sent.incarnation);
  EXPECT_EQ(got->node, sent.node);
  EXPECT_EQ(got->clock, sent.clock);
  EXPECT_EQ(got->block, sent.block);
  EXPECT_EQ(got->tree_node, sent.tree_node);
  EXPECT_EQ(got->sums, sent.sums);
  EXPECT_EQ(got->position, sent.position);
  EXPECT_EQ(got->updates, sent.updates);
  EXPECT_EQ(got->run, sent.run);
  EXPECT_EQ(got->payload_bytes, sent.payload_bytes);
  EXPECT_EQ(got->payload_crc32c, sent.payload_crc32c);
}

TEST(FrameTest, TheBytesAreTheOnesOnTheFormatsPage) {
  const FrameHeaderBytes bytes = EncodeFrameHeader(Example());
  EXPECT_EQ(std::string(bytes.data(), 4), "HWSR");
  EXPECT_EQ(bytes[4], 2);      // version
  EXPECT_EQ(bytes[6], 1);      // kind
  EXPECT_EQ(bytes[8], 7);      // job
  EXPECT_EQ(bytes[16], 8);     // incarnation, lowest byte first
  EXPECT_EQ(bytes[23], 1);     // ... and its highest
  EXPECT_EQ(bytes[40], 42);    // block
  EXPECT_EQ(bytes[44], 3);     // tree level
  EXPECT_EQ(bytes[48], 5);     // tree index
  EXPECT_EQ(bytes[72], 64);    // samples
  EXPECT_EQ(bytes[80], 11);    // position
  EXPECT_EQ(bytes[88], 12);    // updates
  EXPECT_EQ(bytes[97], 0x10);  // payload bytes
  EXPECT_EQ(bytes[104], 13);   // run
}

TEST(FrameTest, AnyFlippedBitIsNoticed) {
  const FrameHeaderBytes good = EncodeFrameHeader(Example());
  for (size_t bit = 0; bit < 8 * kFrameHeaderBytes; ++bit) {
    FrameHeaderBytes bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeFrameHeader(bad).status().code(),
              absl::StatusCode::kDataLoss)
        << "bit " << bit;
  }
}

TEST(FrameTest, APayloadIsCheckedAcrossItsPieces) {
  const std::string payload = "one payload, cut anywhere";
  FrameHeader header = Example();
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  for (size_t cut = 0; cut <= payload.size(); ++cut) {
    const std::vector<absl::Span<const char>> pieces = {
        absl::MakeConstSpan(payload).subspan(0, cut),
        absl::MakeConstSpan(payload).subspan(cut)};
    EXPECT_TRUE(CheckPayload(header, pieces).ok());
    const std::vector<absl::Span<const char>> swapped = {pieces[1], pieces[0]};
    if (cut != 0 && cut != payload.size()) {
      EXPECT_FALSE(CheckPayload(header, swapped).ok());
    }
    EXPECT_FALSE(CheckPayload(header, {pieces.data(), 1}).ok() &&
                 cut != payload.size());
  }
}

}  // namespace
}  // namespace hawser
