#include "server/intake.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser {
namespace {

Intake MakeIntake(const Intake::Limits& limits) {
  return Intake([] { return nullptr; }, limits);
}

class IntakeTest : public testing::Test {
 protected:
  // A reply of bytes of its own.
  OutgoingFrame Own(size_t bytes) {
    OutgoingFrame frame{};
    frame.payload = absl::Span<const char>(text_.data(), bytes);
    return frame;
  }
  OutgoingFrame Of(const FloatBuffer& buffer) {
    OutgoingFrame frame{};
    frame.payload = buffer.bytes();
    frame.buffer = &buffer;
    return frame;
  }

  const std::string text_ = std::string(1000, 'x');
  Backlog::Entry entries_[8];
};

TEST_F(IntakeTest, ABufferCountsOnceHoweverManyWaitForIt) {
  Intake intake = MakeIntake({});
  Backlog first(&intake);
  Backlog second(&intake);
  const FloatBuffer buffer(25);
  ASSERT_TRUE(first.Add(Of(buffer), &entries_[0]).ok());
  ASSERT_TRUE(first.Add(Of(buffer), &entries_[1]).ok());
  ASSERT_TRUE(second.Add(Of(buffer), &entries_[2]).ok());
  EXPECT_EQ(intake.queued_bytes(), 100);
  ASSERT_TRUE(second.Add(Own(7), &entries_[3]).ok());
  EXPECT_EQ(intake.queued_bytes(), 107);
  first.Remove(entries_[0]);
  second.Remove(entries_[2]);
  EXPECT_EQ(intake.queued_bytes(), 107);
  first.Remove(entries_[1]);
  EXPECT_EQ(intake.queued_bytes(), 7);
  second.Remove(entries_[3]);
  EXPECT_EQ(intake.queued_bytes(), 0);
}

TEST_F(IntakeTest, AStreamHasLimitsOfItsOwn) {
  Intake::Limits limits;
  limits.queued_frames_of_stream = 2;
  limits.queued_bytes_of_stream = 100;
  Intake intake = MakeIntake(limits);
  Backlog backlog(&intake);
  ASSERT_TRUE(backlog.Add(Own(60), &entries_[0]).ok());
  EXPECT_EQ(backlog.Add(Own(41), &entries_[1]).code(),
            absl::StatusCode::kResourceExhausted);
  ASSERT_TRUE(backlog.Add(Own(40), &entries_[1]).ok());
  EXPECT_EQ(backlog.Add(Own(0), &entries_[2]).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(intake.slow_readers(), 2);
  backlog.Remove(entries_[0]);
  EXPECT_TRUE(backlog.Add(Own(60), &entries_[0]).ok());
  backlog.Remove(entries_[0]);
  backlog.Remove(entries_[1]);
}

TEST_F(IntakeTest, AtTheLimitOfAllThoseWithMoreThanTheirShareAreCut) {
  Intake::Limits limits;
  limits.queued_bytes = 100;
  Intake intake = MakeIntake(limits);
  ASSERT_TRUE(intake.Admit().ok());
  ASSERT_TRUE(intake.Admit().ok());
  Backlog slow(&intake);
  Backlog quick(&intake);
  ASSERT_TRUE(slow.Add(Own(90), &entries_[0]).ok());
  ASSERT_TRUE(quick.Add(Own(45), &entries_[1]).ok());  // its share is 50
  EXPECT_FALSE(quick.Add(Own(6), &entries_[2]).ok());
  EXPECT_FALSE(slow.Add(Own(1), &entries_[2]).ok());
  slow.Remove(entries_[0]);
  EXPECT_TRUE(quick.Add(Own(6), &entries_[2]).ok());
  quick.Remove(entries_[1]);
  quick.Remove(entries_[2]);
}

TEST_F(IntakeTest, StreamsAreCountedInAndOut) {
  Intake::Limits limits;
  limits.streams = 1;
  Intake intake = MakeIntake(limits);
  ASSERT_TRUE(intake.Admit().ok());
  EXPECT_EQ(intake.Admit().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(intake.refused_streams(), 1);
  intake.Leave();
  EXPECT_TRUE(intake.Admit().ok());
}

TEST_F(IntakeTest, TheMachinesMemoryIsNeverAllPeers) {
  const Intake::Limits limits = Intake::LimitsFor(int64_t{24} << 30);
  EXPECT_EQ(limits.queued_bytes, int64_t{12} << 30);
  EXPECT_LE(limits.queued_bytes_of_stream, limits.queued_bytes);
}

}  // namespace
}  // namespace hawser
