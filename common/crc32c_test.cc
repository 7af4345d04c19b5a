#include "common/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(Crc32cTest, KnownAnswers) {
  EXPECT_EQ(Crc32c("123456789", 9), 0xe3069283u);
  EXPECT_EQ(Crc32c("", 0), 0u);
  // RFC 3720, B.4: 32 bytes of zeros, and of ones.
  EXPECT_EQ(Crc32c(std::string(32, '\0').data(), 32), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff').data(), 32), 0x62a8ab43u);
}

TEST(Crc32cTest, ExtendEqualsTheWhole) {
  std::string text;
  for (int i = 0; i < 500; ++i) text.push_back(static_cast<char>(i * 37));
  for (size_t cut = 0; cut <= text.size(); cut += 7) {
    EXPECT_EQ(Crc32cExtend(Crc32c(text.data(), cut), text.data() + cut,
                           text.size() - cut),
              Crc32c(text.data(), text.size()));
  }
}

}  // namespace
}  // namespace hawser
