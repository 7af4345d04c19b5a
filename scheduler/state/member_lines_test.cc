#include "scheduler/state/member_lines.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MemberLinesTest : public testing::Test {
 protected:
  void Add(const std::string& job, const std::string& text) {
    MemberLine line;
    line.set_job(job);
    line.set_source("worker 7");
    line.set_text(text);
    lines_.Add(line);
  }
  // Reads on from `next_`.
  std::vector<std::string> Read(const std::string& job) {
    GetLinesResponse response;
    lines_.Read(job, next_, &response);
    next_ = response.next_line();
    std::vector<std::string> texts;
    for (const MemberLine& line : response.lines()) {
      texts.push_back(line.text());
    }
    return texts;
  }

  MemberLines lines_;
  uint64_t next_ = 0;
};

TEST_F(MemberLinesTest, EachJobsLinesInTheOrderOfTheirArrivalAndOnce) {
  Add("a", "1");
  Add("b", "2");
  Add("a", "3");
  EXPECT_THAT(Read("a"), ElementsAre("1", "3"));
  EXPECT_THAT(Read("a"), IsEmpty());
  Add("a", "4");
  EXPECT_THAT(Read("a"), ElementsAre("4"));
  next_ = 0;
  EXPECT_THAT(Read("nobody knows it"), IsEmpty());
}

TEST_F(MemberLinesTest, TheNewestLinesAreKept) {
  for (size_t i = 0; i < MemberLines::kMaxLines + 3; ++i) {
    Add("a", absl::StrCat(i));
  }
  const auto texts = Read("a");
  ASSERT_EQ(texts.size(), MemberLines::kMaxLines);
  EXPECT_EQ(texts.front(), "3");
  EXPECT_EQ(next_, MemberLines::kMaxLines + 3);
}

TEST_F(MemberLinesTest, TheJobsThatWereLoggedAboutLastAreKept) {
  Add("first", "1");
  for (size_t i = 1; i < MemberLines::kMaxJobs; ++i) {
    Add(absl::StrCat("job ", i), "x");
  }
  Add("first", "2");
  Add("one too many", "x");
  EXPECT_THAT(Read("first"), ElementsAre("1", "2"));
  next_ = 0;
  EXPECT_THAT(Read("job 1"), IsEmpty());
}

TEST_F(MemberLinesTest, WhatIsTooLongIsCutAndWhatIsOfNoJobIsDropped) {
  Add("a", std::string(5000, 'x'));
  Add("", "of no job");
  EXPECT_THAT(Read("a"),
              ElementsAre(std::string(MemberLines::kMaxLineBytes, 'x')));
}

TEST_F(MemberLinesTest, LinesOfJobsThatAreForgottenGoWithThem) {
  MemberLine line;
  line.set_job("a");
  line.set_step(7);
  EXPECT_TRUE(lines_.Add(line));
  EXPECT_FALSE(lines_.Add(line));
  Add("b", "2");
  lines_.KeepOnly([](const std::string& job) { return job == "a"; });
  EXPECT_THAT(Read("b"), IsEmpty());
  GetLinesResponse response;
  lines_.Read("a", 0, &response);
  ASSERT_EQ(response.lines_size(), 2);
  EXPECT_EQ(response.lines(1).job(), "a");
  EXPECT_EQ(response.lines(1).step(), 7u);
}

TEST_F(MemberLinesTest, WhoHasReadALongerLogBeginsAnew) {
  next_ = 100;
  Add("a", "1");
  EXPECT_THAT(Read("a"), ElementsAre("1"));
}

}  // namespace
}  // namespace hawser
