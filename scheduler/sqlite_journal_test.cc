#include "scheduler/sqlite_journal.h"

#include <sqlite3.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

JournalEvent Cancel(uint64_t job) {
  JournalEvent event;
  event.mutable_cancel_requested()->set_job(job);
  return event;
}

class SqliteJournalTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/journal.db";
    for (const char* suffix : {"", "-wal", "-shm", "-tail"}) {
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
  // As if the disk, or somebody, changed what is there.
  void Change(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  void Flip(int64_t sequence, size_t bit) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    sqlite3_blob* blob = nullptr;
    ASSERT_EQ(sqlite3_blob_open(database, "main", "journal", "event", sequence,
                                /*write=*/1, &blob),
              SQLITE_OK);
    const int at = static_cast<int>(bit / 8);
    unsigned char byte = 0;
    EXPECT_EQ(sqlite3_blob_read(blob, &byte, 1, at), SQLITE_OK);
    byte = static_cast<unsigned char>(byte ^ (1u << bit % 8));
    EXPECT_EQ(sqlite3_blob_write(blob, &byte, 1, at), SQLITE_OK);
    EXPECT_EQ(sqlite3_blob_close(blob), SQLITE_OK);
    sqlite3_close(database);
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
  {
    const auto first = OpenSqliteJournal(path_);
    ASSERT_TRUE(first.ok());
    ASSERT_TRUE((*first)->Append({Cancel(1)}).ok());
    const absl::Status second = OpenSqliteJournal(path_).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
    EXPECT_THAT(std::string(second.message()), HasSubstr("another scheduler"));
    ASSERT_TRUE((*first)->Append({Cancel(2)}).ok());  // and is not disturbed
  }
  const auto jobs = Replay();
  ASSERT_TRUE(jobs.ok());
  EXPECT_THAT(*jobs, ElementsAre(1, 2));
}

TEST_F(SqliteJournalTest, AppendsAllOfItsEventsOrNone) {
  {
    const auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Append({Cancel(1)}).ok());
  }
  // From now on the database refuses one event, as a full disk may.
  Change(
      "CREATE TRIGGER refuse BEFORE INSERT ON journal WHEN NEW.event = "
      "x'2a020803' BEGIN SELECT RAISE(ABORT, 'no room'); END");
  {
    const auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    const absl::Status status =
        (*journal)->Append({Cancel(2), Cancel(3), Cancel(4)});
    EXPECT_TRUE(absl::IsUnavailable(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr("no room"));
    // The journal is of use after a refusal.
    ASSERT_TRUE((*journal)->Append({Cancel(5)}).ok());
    ASSERT_TRUE((*journal)->Append({}).ok());
    EXPECT_FALSE((*journal)->Append({Cancel(3)}).ok());
  }
  const auto jobs = Replay();
  ASSERT_TRUE(jobs.ok()) << jobs.status();
  EXPECT_THAT(*jobs, ElementsAre(1, 5));
}

TEST_F(SqliteJournalTest, AnyFlippedBitIsNoticedAndItsEventNamed) {
  {
    const auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Append({Cancel(1), Cancel(300), Cancel(3)}).ok());
  }
  const size_t bits = 8 * Cancel(300).ByteSizeLong();
  ASSERT_GT(bits, 0u);
  for (size_t bit = 0; bit < bits; ++bit) {
    Flip(2, bit);
    const auto jobs = Replay();
    ASSERT_TRUE(absl::IsDataLoss(jobs.status())) << "bit " << bit;
    EXPECT_THAT(std::string(jobs.status().message()),
                AllOf(HasSubstr("damaged at event 2"), HasSubstr(path_)));
    Flip(2, bit);
  }
  EXPECT_TRUE(Replay().ok());
  Change("UPDATE journal SET crc32c = crc32c + 1 WHERE sequence = 3");
  EXPECT_THAT(std::string(Replay().status().message()),
              HasSubstr("damaged at event 3"));
}

TEST_F(SqliteJournalTest, AnEventThatIsMissingIsNoticedAndNamed) {
  {
    const auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Append({Cancel(1), Cancel(2), Cancel(3)}).ok());
  }
  Change("DELETE FROM journal WHERE sequence = 2");
  const auto jobs = Replay();
  EXPECT_TRUE(absl::IsDataLoss(jobs.status()));
  EXPECT_THAT(std::string(jobs.status().message()),
              HasSubstr("damaged at event 2"));
}

TEST_F(SqliteJournalTest, AFileThatIsNoJournalIsRefused) {
  std::FILE* file = std::fopen(path_.c_str(), "w");
  for (int i = 0; i < 1000; ++i) std::fputs("not a database ", file);
  std::fclose(file);
  EXPECT_FALSE(OpenSqliteJournal(path_).ok());
  EXPECT_FALSE(OpenSqliteJournal("/no/such/place/journal.db").ok());
}

// Keeps those of jobs above 2, and adds job 9.
absl::StatusOr<std::vector<JournalEvent>> Shorten(
    const std::vector<JournalEvent>& events) {
  std::vector<JournalEvent> left;
  for (const JournalEvent& event : events) {
    if (event.cancel_requested().job() > 2) left.push_back(event);
  }
  left.push_back(Cancel(9));
  return left;
}

TEST_F(SqliteJournalTest, RewritesWhatItHolds) {
  {
    auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    for (uint64_t job = 1; job <= 4; ++job) {
      ASSERT_TRUE((*journal)->Append({Cancel(job)}).ok());
    }
    ASSERT_TRUE((*journal)->Rewrite(Shorten).ok());
    ASSERT_TRUE((*journal)->Append({Cancel(5)}).ok());
  }
  EXPECT_THAT(*Replay(), ElementsAre(3, 4, 9, 5));
  {
    auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Rewrite(Shorten).ok());
  }
  EXPECT_THAT(*Replay(), ElementsAre(3, 4, 9, 5, 9));
}

TEST_F(SqliteJournalTest, ARewriteThatFailsChangesNothing) {
  {
    auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Append({Cancel(1), Cancel(2)}).ok());
    const absl::Status status =
        (*journal)->Rewrite([](const std::vector<JournalEvent>&)
                                -> absl::StatusOr<std::vector<JournalEvent>> {
          return absl::InternalError("not the same");
        });
    EXPECT_THAT(std::string(status.message()), HasSubstr("not the same"));
    ASSERT_TRUE((*journal)->Append({Cancel(3)}).ok());
  }
  EXPECT_THAT(*Replay(), ElementsAre(1, 2, 3));
}

TEST_F(SqliteJournalTest, WhatIsMissingAfterARewriteIsNamed) {
  {
    auto journal = OpenSqliteJournal(path_);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Append({Cancel(1), Cancel(3), Cancel(4)}).ok());
    ASSERT_TRUE((*journal)->Rewrite(Shorten).ok());
  }
  // The events have the numbers 4, 5 and 6 now.
  Change("DELETE FROM journal WHERE sequence = 4");
  EXPECT_THAT(std::string(Replay().status().message()),
              HasSubstr("damaged at event 4"));
}

}  // namespace
}  // namespace hawser
