#include "common/tensorboard/event_file.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/tensorboard_event.pb.h"

namespace hawser {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

TEST(TfRecordTest, IsTheDefinitionsBytes) {
  // By a bitwise CRC32C in another language.
  EXPECT_EQ(absl::BytesToHexString(TfRecord("abc")),
            "0300000000000000b099490e6162636e57f121");
}

// The events of a file; checks lengths alone.
std::vector<tensorboard::Event> EventsOf(const std::string& path) {
  std::vector<tensorboard::Event> events;
  const auto bytes = ReadWholeFile(path, 1 << 20);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  for (size_t at = 0; at < bytes->size();) {
    uint64_t length = 0;
    std::memcpy(&length, bytes->data() + at, sizeof(length));
    const std::string content = bytes->substr(at + 12, length);
    EXPECT_EQ(bytes->substr(at, 16 + length), TfRecord(content));
    EXPECT_TRUE(events.emplace_back().ParseFromString(content));
    at += 16 + length;
  }
  return events;
}

TEST(EventFileTest, BeginsWithItsVersionAndGoesOnWithScalars) {
  auto file = EventFile::Create(testing::TempDir(), kNow);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->AppendStart(7, kNow).ok());
  ASSERT_TRUE(file->AppendScalars(9, kNow, {{"a", 0.5}, {"b", 2}}).ok());
  const auto events = EventsOf(file->path());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  EXPECT_EQ(events[0].wall_time(), 1.7e9);
  EXPECT_EQ(events[1].step(), 7);
  EXPECT_EQ(events[1].session_log().status(), tensorboard::SessionLog::START);
  EXPECT_EQ(events[2].step(), 9);
  ASSERT_EQ(events[2].summary().value_size(), 2);
  EXPECT_EQ(events[2].summary().value(0).tag(), "a");
  EXPECT_EQ(events[2].summary().value(0).simple_value(), 0.5f);
}

TEST(EventFileTest, LaterFilesHaveLaterNames) {
  std::vector<std::string> names;
  for (const int64_t second : {0, 0, 0, 1, 90}) {
    const auto file =
        EventFile::Create(testing::TempDir(), kNow + absl::Seconds(second));
    ASSERT_TRUE(file.ok()) << file.status();
    names.push_back(file->path());
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_THAT(std::filesystem::path(names[0]).filename().string(),
              testing::StartsWith("events.out.tfevents.1700000000."));
}

TEST(EventFileTest, WhatCannotBeWrittenIsSaid) {
  const auto file =
      EventFile::Create(absl::StrCat(testing::TempDir(), "/nowhere"), kNow);
  EXPECT_THAT(std::string(file.status().message()),
              testing::HasSubstr("/nowhere/events.out.tfevents"));
  auto removed = EventFile::Create(testing::TempDir(), kNow);
  ASSERT_TRUE(removed.ok());
  std::filesystem::remove(removed->path());
  EXPECT_FALSE(removed->AppendScalars(1, kNow, {{"a", 1}}).ok());
}

}  // namespace
}  // namespace hawser
