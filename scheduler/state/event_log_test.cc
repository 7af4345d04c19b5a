#include "scheduler/state/event_log.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class EventLogTest : public testing::Test {
 protected:
  void Add(const std::string& text) {
    log_.Add(absl::FromUnixMillis(1500), "worker 7", text);
  }
  // Reads on from `next_`.
  std::vector<std::string> Read() {
    GetJobLogResponse response;
    log_.Read(next_, &response);
    next_ = response.next_line();
    std::vector<std::string> texts;
    for (const LogLine& line : response.lines()) texts.push_back(line.text());
    return texts;
  }

  EventLog log_;
  uint64_t next_ = 0;
};

TEST_F(EventLogTest, EachLineIsReadOnceWithItsTimeAndSource) {
  Add("1");
  Add("2");
  EXPECT_THAT(Read(), ElementsAre("1", "2"));
  EXPECT_THAT(Read(), IsEmpty());
  Add("3");
  EXPECT_THAT(Read(), ElementsAre("3"));
  GetJobLogResponse response;
  log_.Read(2, &response);
  ASSERT_EQ(response.lines_size(), 1);
  EXPECT_EQ(response.lines(0).unix_ms(), 1500);
  EXPECT_EQ(response.lines(0).source(), "worker 7");
}

TEST_F(EventLogTest, TheNewestLinesAreKept) {
  for (size_t i = 0; i < EventLog::kMaxLines + 3; ++i) Add(absl::StrCat(i));
  const auto texts = Read();
  ASSERT_EQ(texts.size(), EventLog::kMaxLines);
  EXPECT_EQ(texts.front(), "3");
  EXPECT_EQ(next_, EventLog::kMaxLines + 3);
  // Line numbers go on, so that a reader misses and repeats nothing.
  Add("last");
  EXPECT_THAT(Read(), ElementsAre("last"));
}

TEST_F(EventLogTest, WhoHasReadALongerLogGoesOnWithWhatCameSinceTheRestart) {
  Add("accepted");
  log_.NoteRestart();
  Add("the scheduler restarted");
  next_ = 50;
  EXPECT_THAT(Read(), ElementsAre("the scheduler restarted"));
}

TEST_F(EventLogTest, BeyondTheEndOfALogWithoutARestartThereIsNothing) {
  Add("1");
  next_ = 50;
  EXPECT_THAT(Read(), IsEmpty());
  EXPECT_EQ(next_, 1u);
}

}  // namespace
}  // namespace hawser
