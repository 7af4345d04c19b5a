#include "common/strict_json.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& text, const JsonLimits& limits = {}) {
  return std::string(ParseJsonObject(text, limits).status().message());
}

TEST(StrictJsonTest, AnObjectIsRead) {
  const auto json = ParseJsonObject(R"({"z": 1, "a": [true, null, "x"]} )");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->dump(), R"({"a":[true,null,"x"],"z":1})");
}

TEST(StrictJsonTest, ANameThatStandsTwiceIsAnErrorWhereverItIs) {
  EXPECT_THAT(ErrorOf(R"({"a": 1, "a": 1})"), HasSubstr("\"a\" stands twice"));
  EXPECT_THAT(ErrorOf(R"({"q": [{"b": 1, "b": {}}]})"), HasSubstr("\"b\""));
  // The same name, once written as an escape.
  EXPECT_THAT(ErrorOf(R"({"a": 1, "\u0061": 1})"), HasSubstr("stands twice"));
  EXPECT_EQ(ErrorOf(R"({"a": {"a": {}}, "b": {"a": {}}})"), "");
}

TEST(StrictJsonTest, LimitsHold) {
  const std::string deep =
      "{\"a\":" + std::string(1 << 20, '[') + std::string(1 << 20, ']') + "}";
  EXPECT_THAT(ErrorOf(deep), HasSubstr("nested more than 16"));
  EXPECT_EQ(ErrorOf(R"({"a":[[]]})", {.depth = 3}), "");
  EXPECT_NE(ErrorOf(R"({"a":[[]]})", {.depth = 2}), "");
  EXPECT_EQ(ErrorOf(R"({"a":[1,2]})", {.values = 4}), "");
  EXPECT_THAT(ErrorOf(R"({"a":[1,2,3]})", {.values = 4}), HasSubstr("more"));
}

TEST(StrictJsonTest, OtherThanAnObjectIsRefused) {
  for (const char* text : {"", "[]", "null", "7", "{", "{}}", "{\"a\":}",
                           "{\"a\":\"\xff\"}", "{'a':1}", "{\"a\":1e999}"}) {
    EXPECT_NE(ErrorOf(text), "") << text;
  }
}

}  // namespace
}  // namespace hawser
