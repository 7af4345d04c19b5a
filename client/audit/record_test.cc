#include "client/audit/record.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

template <typename Kind>
Kind Parse(absl::string_view line) {
  const auto record = ParseAuditRecord(line);
  EXPECT_TRUE(record.ok()) << record.status();
  if (!record.ok() || !std::holds_alternative<Kind>(*record)) {
    ADD_FAILURE() << line;
    return Kind();
  }
  return std::get<Kind>(*record);
}

std::string Error(absl::string_view line) {
  const auto record = ParseAuditRecord(line);
  EXPECT_TRUE(absl::IsDataLoss(record.status())) << line;
  return std::string(record.status().message());
}

TEST(AuditRecordTest, EveryKindFieldByField) {
  const auto header = Parse<HeaderRecord>("H 1 mnist-2 3 64");
  EXPECT_EQ(header.job, "mnist-2");
  EXPECT_EQ(header.server, 3u);
  EXPECT_EQ(header.micro_batches, 64u);
  EXPECT_EQ(Parse<BlockRecord>("B 12").block, 12u);
  EXPECT_EQ(Parse<RollBackRecord>("V 9 60").incarnation, 9u);
  EXPECT_EQ(Parse<RollBackRecord>("V 9 60").step, 60u);

  const auto arrive = Parse<ArriveRecord>("A 12 9 4 17:19,24:25");
  EXPECT_EQ(arrive.block, 12u);
  EXPECT_EQ(arrive.since, 9u);
  EXPECT_EQ(arrive.steps, 4u);
  EXPECT_THAT(arrive.counted, ElementsAre(Pair(17, 19), Pair(24, 25)));
  EXPECT_FALSE(arrive.takes_over);
  EXPECT_THAT(Parse<ArriveRecord>("A 12 9 4 -").counted, ElementsAre());
  EXPECT_TRUE(Parse<ArriveRecord>("K 12 9 4 -").takes_over);
  EXPECT_THAT(Error("A 12 9 4 17:19,18:25"), HasSubstr("18:25"));
  EXPECT_THAT(Error("A 12 9 4 17:17"), HasSubstr("17:17"));

  const auto phase = Parse<PhaseRecord>("M 100 BOUNDED_STALENESS 3 -");
  EXPECT_EQ(phase.from_step, 100u);
  EXPECT_EQ(phase.phase.mode, AuditMode::kBoundedStaleness);
  EXPECT_EQ(phase.phase.staleness, 3u);
  EXPECT_EQ(phase.phase.window_ms, std::nullopt);
  EXPECT_EQ(Parse<PhaseRecord>("M 0 ASYNCHRONOUS - -").phase.mode,
            AuditMode::kAsynchronous);
  EXPECT_EQ(Parse<PhaseRecord>("M 0 SYNCHRONOUS - -").phase.mode,
            AuditMode::kSynchronous);
  const auto window = Parse<PhaseRecord>("M 0 BOUNDED_STALENESS - 250");
  EXPECT_EQ(window.phase.staleness, std::nullopt);
  EXPECT_EQ(window.phase.window_ms, 250u);

  const auto join = Parse<JoinRecord>("J 1 7 20");
  EXPECT_EQ(join.block, 1u);
  EXPECT_EQ(join.node, 7u);
  EXPECT_EQ(join.clock, 20u);
  const auto leave = Parse<LeaveRecord>("L 1 7");
  EXPECT_EQ(leave.block, 1u);
  EXPECT_EQ(leave.node, 7u);

  const auto push = Parse<PushRecord>("P 1 7 20 21 4 8 3");
  EXPECT_EQ(push.block, 1u);
  EXPECT_EQ(push.node, 7u);
  EXPECT_EQ(push.clock, 20u);
  EXPECT_EQ(push.step, 21u);
  EXPECT_EQ(push.first, 4u);
  EXPECT_EQ(push.last, 8u);
  EXPECT_EQ(push.lag, 3u);
  const auto repeat = Parse<RepeatRecord>("D 1 7 20");
  EXPECT_EQ(repeat.block, 1u);
  EXPECT_EQ(repeat.node, 7u);
  EXPECT_EQ(repeat.clock, 20u);

  const auto read = Parse<ReadRecord>("R 1 7 20 19 9:21,7:20");
  EXPECT_EQ(read.block, 1u);
  EXPECT_EQ(read.node, 7u);
  EXPECT_EQ(read.clock, 20u);
  EXPECT_EQ(read.step, 19u);
  ASSERT_TRUE(read.clocks.has_value());
  EXPECT_THAT(*read.clocks, ElementsAre(Pair(7, 20), Pair(9, 21)));
  EXPECT_FALSE(Parse<ReadRecord>("R 1 7 20 20 -").clocks.has_value());
}

TEST(AuditRecordTest, ErrorsNameTheField) {
  EXPECT_THAT(Error(""), HasSubstr("letter is empty"));
  EXPECT_THAT(Error("X 1 2"), HasSubstr("unknown record 'X'"));
  EXPECT_THAT(Error("p 1 7 20 21 4 8 3"), HasSubstr("unknown record 'p'"));
  EXPECT_THAT(Error("J 1 7"), HasSubstr("CLOCK is missing"));
  EXPECT_THAT(Error("J 1 7 20 4"), HasSubstr("a field too many: '4'"));
  EXPECT_THAT(Error("J 1  7 20"), HasSubstr("NODE is empty"));
  EXPECT_THAT(Error("J 1 7 20 "), HasSubstr("a field too many: ''"));
  EXPECT_THAT(Error("J 1 7 20\r"), HasSubstr("CLOCK is '20\\r'"));
  EXPECT_THAT(Error("J 1 -7 20"), HasSubstr("NODE is '-7'"));
  EXPECT_THAT(Error("J 1 +7 20"), HasSubstr("NODE is '+7'"));
  EXPECT_THAT(Error("J 1 0x7 20"), HasSubstr("NODE is '0x7'"));
  EXPECT_THAT(Error("J 1 7 9223372036854775808"), HasSubstr("no number"));
  EXPECT_EQ(Parse<JoinRecord>("J 1 7 9223372036854775807").clock,
            kAuditNumberLimit - 1);
  EXPECT_THAT(Error("H 2 a 0 4"), HasSubstr("version is 2"));
  EXPECT_THAT(Error("H 1 a 0 0"), HasSubstr("MICRO_BATCHES is 0"));
  EXPECT_THAT(Error("M 0 SOMETIMES - -"), HasSubstr("MODE is 'SOMETIMES'"));
  EXPECT_THAT(Error("M 0 ASYNCHRONOUS - x"), HasSubstr("WINDOW_MS is 'x'"));
  EXPECT_THAT(Error("R 1 7 20 19 7:20,"), HasSubstr("no NODE:CLOCK"));
  EXPECT_THAT(Error("R 1 7 20 19 7"), HasSubstr("no NODE:CLOCK"));
  EXPECT_THAT(Error("R 1 7 20 19 7:1:2"), HasSubstr("no NODE:CLOCK"));
  EXPECT_THAT(Error("R 1 7 20 19 7:1,8:2,7:3"), HasSubstr("node 7 twice"));
  EXPECT_THAT(Error("R 1 7 20 19"), HasSubstr("list of clocks is missing"));
  // Fit for a terminal, whatever the file holds.
  EXPECT_THAT(Error("\x1b[2J"), HasSubstr("'\\x1b[2J'"));
  EXPECT_LT(Error(std::string(100000, 'x')).size(), 100u);
}

TEST(AuditRecordTest, AnyBytesAreARecordOrAnError) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const std::string alphabet = "HBMJLPDR 0123456789-:,\t\xff";
  for (int round = 0; round < 20000; ++round) {
    std::string line = round % 2 == 0 ? "R 1 7 20 19 7:20,8:21" : "";
    for (uint32_t i = random() % 8; i > 0; --i) {
      line.insert(random() % (line.size() + 1), 1,
                  alphabet[random() % alphabet.size()]);
    }
    const auto record = ParseAuditRecord(line);
    EXPECT_TRUE(record.ok() || absl::IsDataLoss(record.status())) << line;
  }
}

}  // namespace
}  // namespace hawser
