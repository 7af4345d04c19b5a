#include "common/security/bearer_token.h"

#include <cstdio>

#include "common/files.h"
#include "common/manual_clock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class BearerTokenTest : public testing::Test {
 protected:
  // The file is replaced, so that it is another one.
  void Write(const std::string& text) {
    ASSERT_TRUE(WriteWholeFile(path_, text).ok());
  }
  const std::string path_ = testing::TempDir() + "/bearer_token_test";
  ManualClock clock_;
};

TEST_F(BearerTokenTest, FollowsItsFile) {
  Write("first\n");
  const auto token = BearerToken::Open(path_, &clock_);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ((*token)->Authorization(), "Bearer first");
  Write("second");
  EXPECT_EQ((*token)->Authorization(), "Bearer first");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ((*token)->Authorization(), "Bearer second");
  Write("two words");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ((*token)->Authorization(), "Bearer second");
  std::remove(path_.c_str());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ((*token)->Authorization(), "Bearer second");
}

TEST_F(BearerTokenTest, WhatIsNoTokenIsAnErrorAtOnce) {
  std::remove(path_.c_str());
  EXPECT_EQ(BearerToken::Open(path_).status().code(),
            absl::StatusCode::kNotFound);
  for (const char* text :
       {"", " \n", "two words", "gr\xc3\xbc\xc3\x9f", "a\nb"}) {
    Write(text);
    EXPECT_EQ(BearerToken::Open(path_).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace hawser
