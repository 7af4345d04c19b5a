// Bits that are wrong and files that are cut off, anywhere in what a journal
// has on the disk: a replay gives the same events, or says that it is damaged.
#include <unistd.h>

#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "glog/logging.h"
#include "gtest/gtest.h"
#include "scheduler/sqlite_journal.h"

namespace hawser {
namespace {

constexpr int kFlips = 10'000;
constexpr uint32_t kSeed = 7;

using Files = std::map<std::string, std::string>;  // content by suffix

class SqliteJournalDamageTest : public testing::Test {
 protected:
  void SetUp() override {
    FLAGS_minloglevel = google::ERROR;
    // In memory, if the machine has a directory for that: each of thousands of
    // databases is flushed.
    const bool has_memory = std::filesystem::is_directory("/dev/shm");
    directory_ = absl::StrCat(has_memory ? "/dev/shm" : testing::TempDir(),
                              "/hawser_journal_damage_", getpid());
    std::filesystem::remove_all(directory_);
    ASSERT_TRUE(MakeDirectories(directory_).ok());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string Path() const { return directory_ + "/journal.db"; }

  // What is on the disk, while the scheduler runs or when it has ended.
  Files Written(bool has_ended) {
    auto journal = OpenSqliteJournal(Path());
    EXPECT_TRUE(journal.ok());
    for (uint64_t job = 1; job <= 40; ++job) {
      JournalEvent event;
      event.mutable_job_ended()->set_job(job);
      event.mutable_job_ended()->set_reason(std::string(300, 'r'));
      EXPECT_TRUE((*journal)->Append({event}).ok());
    }
    if (has_ended) journal->reset();
    Files files;
    for (const char* suffix : {"", "-wal", "-tail"}) {
      if (!std::filesystem::exists(Path() + suffix)) continue;
      files[suffix] = *ReadWholeFile(Path() + suffix, 1 << 24);
    }
    return files;
  }
  void Put(const Files& files) {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      std::filesystem::remove(entry.path());
    }
    for (const auto& [suffix, content] : files) {
      std::FILE* file = std::fopen((Path() + suffix).c_str(), "wb");
      ASSERT_EQ(std::fwrite(content.data(), 1, content.size(), file),
                content.size());
      std::fclose(file);
    }
  }
  // The jobs of the events, or what is wrong.
  absl::StatusOr<std::vector<uint64_t>> Replay() {
    auto journal = OpenSqliteJournal(Path());
    if (!journal.ok()) return journal.status();
    std::vector<uint64_t> jobs;
    const absl::Status status =
        (*journal)->Replay([&](const JournalEvent& event) {
          jobs.push_back(event.job_ended().job());
        });
    if (!status.ok()) return status;
    return jobs;
  }
  void ExpectNamedOrHarmless(const std::string& what) {
    const auto jobs = Replay();
    if (jobs.ok()) {
      EXPECT_EQ(*jobs, all_) << what;
    } else {
      ++named_;
      EXPECT_NE(jobs.status().message().find(Path()), std::string::npos)
          << what << ": " << jobs.status();
    }
  }
  void FlipBits(const Files& files, int flips) {
    std::mt19937 random(kSeed);
    size_t total = 0;
    for (const auto& [suffix, content] : files) total += content.size();
    for (int i = 0; i < flips; ++i) {
      size_t byte = random() % total;
      const unsigned bit = random() % 8;
      Files damaged = files;
      for (auto& [suffix, content] : damaged) {
        if (byte >= content.size()) {
          byte -= content.size();
          continue;
        }
        content[byte] = static_cast<char>(content[byte] ^ (1 << bit));
        Put(damaged);
        ExpectNamedOrHarmless(
            absl::StrCat("journal.db", suffix, ", byte ", byte, ", bit ", bit));
        break;
      }
      if (HasFailure()) return;
    }
  }

  std::string directory_;
  std::vector<uint64_t> all_ = [] {
    std::vector<uint64_t> jobs(40);
    for (uint64_t job = 1; job <= 40; ++job) jobs[job - 1] = job;
    return jobs;
  }();
  int named_ = 0;
};

TEST_F(SqliteJournalDamageTest, AWrongBitWhileItIsInUse) {
  const Files files = Written(/*has_ended=*/false);
  ASSERT_EQ(files.size(), 3u);
  Put(files);
  ASSERT_TRUE(Replay().ok());
  FlipBits(files, kFlips / 2);
  EXPECT_GT(named_, kFlips / 20);  // most bits are those of events
}

TEST_F(SqliteJournalDamageTest, AWrongBitWhenItIsAtRest) {
  const Files files = Written(/*has_ended=*/true);
  ASSERT_EQ(files.count("-wal"), 0u);
  Put(files);
  ASSERT_TRUE(Replay().ok());
  FlipBits(files, kFlips / 2);
  EXPECT_GT(named_, kFlips / 20);
}

TEST_F(SqliteJournalDamageTest, WhatIsCutOff) {
  for (const bool has_ended : {false, true}) {
    SetUp();
    const Files files = Written(has_ended);
    for (const auto& [suffix, content] : files) {
      for (size_t length = 0; length < content.size();
           length += 1 + content.size() / 50) {
        Files damaged = files;
        damaged[suffix].resize(length);
        Put(damaged);
        ExpectNamedOrHarmless(
            absl::StrCat("journal.db", suffix, " of ", length, " bytes"));
      }
    }
  }
  EXPECT_GT(named_, 50);
}

}  // namespace
}  // namespace hawser
