#include "scheduler/sqlite_journal.h"

#include <sqlite3.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

JournalEvent Cancel(uint64_t job) {
  JournalEvent event;
  event.mutable_cancel_requested()->set_job(job);
  return event;
}

class SqliteJournalTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/journal.db";
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(path_ + suffix);
    }
  }
  absl::StatusOr<std::vector<uint64_t>> Replay() {
    auto journal = OpenSqliteJournal(path_);
    if (!journal.ok()) return journal.status();
    std::vector<uint64_t> jobs;
    const absl::Status status =
        (*journal)->Replay([&](const JournalEvent& event) {
          jobs.push_back(event.cancel_requested().job());
        });
    if (!status.ok()) return status;
    return jobs;
  }
  std::string path_;
};

TEST_F(SqliteJournalTest, EventsComeBackInOrder) {
  for (uint64_t job = 0; job < 100; job += 2) {
    auto journal = OpenSqliteJournal(path_);  // opened anew each time
    ASSERT_TRUE(journal.ok()) << journal.status();
    ASSERT_TRUE((*journal)->Append({Cancel(job), Cancel(job + 1)}).ok());
  }
  const auto jobs = Replay();
  ASSERT_TRUE(jobs.ok());
  ASSERT_EQ(jobs->size(), 100u);
  for (uint64_t job = 0; job < 100; ++job) EXPECT_EQ((*jobs)[job], job);
}

TEST_F(SqliteJournalTest, TwoSchedulersCannotShareIt) {
  const auto first = OpenSqliteJournal(path_);
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenSqliteJournal(path_).status()));
}

TEST_F(SqliteJournalTest, DamageIsNoticedAndNamed) {
  {
    auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Append({Cancel(1), Cancel(2), Cancel(3)}).ok());
  }
  const auto change = [&](const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(database);
  };
  change("UPDATE journal SET event = x'2a0209' || x'' WHERE sequence = 2");
  auto jobs = Replay();
  EXPECT_TRUE(absl::IsDataLoss(jobs.status()));
  EXPECT_THAT(std::string(jobs.status().message()),
              testing::HasSubstr("damaged at event 2"));
  change("DELETE FROM journal WHERE sequence = 2");
  jobs = Replay();
  EXPECT_THAT(std::string(jobs.status().message()),
              testing::HasSubstr("damaged at event 2"));
}

TEST_F(SqliteJournalTest, AFileThatIsNoJournalIsRefused) {
  std::FILE* file = std::fopen(path_.c_str(), "w");
  for (int i = 0; i < 1000; ++i) std::fputs("not a database ", file);
  std::fclose(file);
  EXPECT_FALSE(OpenSqliteJournal(path_).ok());
  EXPECT_FALSE(OpenSqliteJournal("/no/such/place/journal.db").ok());
}

}  // namespace
}  // namespace hawser
