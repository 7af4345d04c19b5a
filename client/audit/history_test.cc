#include "client/audit/history.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = absl::StrCat(testing::TempDir(), "/", test->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }

  void Write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ + "/" + name) << content;
  }

  // The places of the records, "0:1" for the first line of server 0's file.
  absl::Status Read(const std::string& job = "a") {
    places_.clear();
    return ReadHistory(
        directory_, job,
        [this](const RecordPlace& place, const AuditRecord& record) {
          if (std::holds_alternative<HeaderRecord>(record)) ++files_;
          places_.push_back(place.line);
          if (refuse_line_ == place.line) return refusal_;
          return absl::OkStatus();
        });
  }

  std::string Error() {
    const absl::Status status = Read();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    return std::string(status.message());
  }

  std::string At(const std::string& name, int line) {
    return absl::StrCat(directory_, "/", name, ":", line, ": ");
  }

  std::string directory_;
  int files_ = 0;
  std::vector<uint64_t> places_;
  uint64_t refuse_line_ = 0;
  absl::Status refusal_ = absl::DataLossError("not here");
};

TEST_F(HistoryTest, ServersInOrder) {
  for (int server = 0; server < 12; ++server) {
    Write(absl::StrCat("server-", server, ".audit"),
          absl::StrCat("H 1 a ", server, " 4\nB ", server, "\n"));
  }
  Write("server-12.audit.old", "x");
  Write("server-012.audit", "x");
  Write("notes.txt", "x");
  const auto files = HistoryFiles(directory_);
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 12u);
  EXPECT_EQ(files->at(2).path, directory_ + "/server-2.audit");
  EXPECT_EQ(files->at(11).path, directory_ + "/server-11.audit");
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(files_, 12);
  EXPECT_EQ(places_.size(), 24u);
}

TEST_F(HistoryTest, RollBacksInOrder) {
  for (const char* name : {"server-0", "server-1", "server-1-9", "server-1-10",
                           "server-1-0", "server-1-x", "server-1-"}) {
    Write(absl::StrCat(name, ".audit"),
          absl::StrCat("H 1 a ", name[7] - '0', " 4\n"));
  }
  const auto files = HistoryFiles(directory_);
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 4u);
  EXPECT_EQ(files->at(1).path, directory_ + "/server-1.audit");
  EXPECT_EQ(files->at(2).path, directory_ + "/server-1-9.audit");
  EXPECT_EQ(files->at(3).path, directory_ + "/server-1-10.audit");
  EXPECT_EQ(files->at(3).server, 1u);
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(files_, 4);
}

TEST_F(HistoryTest, NoHistory) {
  EXPECT_TRUE(absl::IsNotFound(Read()));
  Write("notes.txt", "x");
  EXPECT_TRUE(absl::IsNotFound(Read()));
  directory_ += "/none";
  EXPECT_TRUE(absl::IsNotFound(Read()));
}

TEST_F(HistoryTest, AServerIsMissing) {
  Write("server-1.audit", "H 1 a 1 4\n");
  EXPECT_THAT(Error(), HasSubstr("server-0.audit is missing"));
}

TEST_F(HistoryTest, TheLastLineOfAServerThatWasKilled) {
  Write("server-0.audit", "H 1 a 0 4\nB 0\nB 1");
  ASSERT_TRUE(Read().ok());
  EXPECT_THAT(places_, testing::ElementsAre(1, 2));
  Write("server-0.audit", "H 1 a 0 4\nB 0\nP 0 1 ");
  ASSERT_TRUE(Read().ok());
  EXPECT_THAT(places_, testing::ElementsAre(1, 2));
  Write("server-0.audit", "H 1 a 0 4\nB 0\nP 0 1 \n");
  EXPECT_THAT(Error(), HasSubstr(At("server-0.audit", 3)));
}

TEST_F(HistoryTest, DamageIsNamedByFileAndLine) {
  Write("server-0.audit", "H 1 a 0 4\n");
  const auto expect = [this](const std::string& content, int line,
                             const std::string& message) {
    Write("server-1.audit", content);
    const std::string error = Error();
    EXPECT_THAT(error, testing::StartsWith(At("server-1.audit", line)));
    EXPECT_THAT(error, HasSubstr(message));
  };
  expect("", 1, "no line");
  expect("H 1 a 1 4", 1, "no line");
  expect("B 0\n", 1, "begins with an H record");
  expect("\n", 1, "letter is empty");
  expect("H 2 a 1 4\n", 1, "version is 2");
  expect("H 1 b 1 4\n", 1, "history of job b, not of a");
  expect("H 1 a 0 4\n", 1, "history of server 0, not of 1");
  expect("H 1 a 1 4\nH 1 a 1 4\n", 2, "not the first");
  expect("H 1 a 1 4\nB 0\n\nB 1\n", 3, "letter is empty");
  expect("H 1 a 1 4\nB 0\nB x\nB 1\n", 3, "BLOCK is 'x'");
  expect("H 1 a 1 4\nB 0\nB 1\nZ 1\n", 4, "unknown record 'Z'");
}

TEST_F(HistoryTest, WhatTheTakerRefuses) {
  Write("server-0.audit", "H 1 a 0 4\nB 0\nB 1\n");
  refuse_line_ = 2;
  EXPECT_EQ(Error(), At("server-0.audit", 2) + "not here");
  EXPECT_THAT(places_, testing::ElementsAre(1, 2));
  refusal_ = absl::CancelledError("enough");
  EXPECT_TRUE(absl::IsCancelled(Read()));
}

TEST_F(HistoryTest, LinesAcrossPiecesAndTooLong) {
  // Lines of every length around those that are read at once.
  std::string content = "H 1 a 0 4\n";
  uint64_t lines = 1;
  for (int workers = 1; workers < 2000; workers += 7) {
    absl::StrAppend(&content, "R 0 1 0 0 1:0");
    for (int node = 2; node <= workers; ++node) {
      absl::StrAppend(&content, ",", node, ":0");
    }
    content += "\n";
    ++lines;
  }
  Write("server-0.audit", content);
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(places_.size(), lines);
  const std::string start = "H 1 a 0 4\nB ";
  Write("server-0.audit",
        start + std::string(kMostHistoryLineBytes - 2, '0') + "\n");
  EXPECT_TRUE(Read().ok());
  Write("server-0.audit",
        start + std::string(kMostHistoryLineBytes - 1, '0') + "\n");
  EXPECT_THAT(Error(), HasSubstr("server-0.audit:2: the line is longer"));
  Write("server-0.audit", start + std::string(3 << 20, '0'));
  EXPECT_THAT(Error(), HasSubstr("server-0.audit:2: the line is longer"));
}

}  // namespace
}  // namespace hawser
