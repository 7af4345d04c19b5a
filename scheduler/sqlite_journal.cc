#include "scheduler/sqlite_journal.h"

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "scheduler/journal_tail.h"

namespace hawser {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
  }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

std::string TailPath(const std::string& path) { return path + "-tail"; }

class SqliteJournal : public Journal {
 public:
  SqliteJournal(std::string path, Database database, JournalTail tail)
      : path_(std::move(path)),
        database_(std::move(database)),
        tail_(std::move(tail)) {}

  absl::Status Initialise() {
    // EXCLUSIVE keeps the lock of the first transaction until close.
    RETURN_IF_ERROR(Execute("PRAGMA locking_mode = EXCLUSIVE"));
    RETURN_IF_ERROR(Execute("PRAGMA journal_mode = WAL"));
    RETURN_IF_ERROR(Execute("PRAGMA synchronous = FULL"));
    // Events are added at the end, and read once: 256 KiB instead of the 2 MiB
    // that fill in the first hours.
    RETURN_IF_ERROR(Execute("PRAGMA cache_size = -256"));
    RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
    RETURN_IF_ERROR(
        Execute("CREATE TABLE IF NOT EXISTS journal ("
                "sequence INTEGER PRIMARY KEY, crc32c INTEGER NOT NULL, "
                "event BLOB NOT NULL)"));
    // The number of the first event, once others were replaced by it.
    RETURN_IF_ERROR(
        Execute("CREATE TABLE IF NOT EXISTS journal_start ("
                "sequence INTEGER NOT NULL)"));
    return Execute("COMMIT");
  }

  absl::Status Append(const std::vector<JournalEvent>& events) override {
    return Transact(events, [&]() -> absl::Status {
      for (const JournalEvent& event : events) {
        RETURN_IF_ERROR(Insert(event.SerializeAsString()));
      }
      return absl::OkStatus();
    });
  }

  // The process holds the lock of its file.
  absl::Status CheckLeads() const override { return absl::OkStatus(); }

  absl::Status Rewrite(const Rewriter& rewrite) override {
    std::vector<JournalEvent> events;
    RETURN_IF_ERROR(
        Replay([&](const JournalEvent& event) { events.push_back(event); }));
    ASSIGN_OR_RETURN(const std::vector<JournalEvent> rewritten,
                     rewrite(events));
    // Numbers go on, so that the tail is never ahead of them.
    const auto first = static_cast<int64_t>(last_ + 1);
    return Transact(rewritten, [&]() -> absl::Status {
      RETURN_IF_ERROR(Execute("DELETE FROM journal"));
      RETURN_IF_ERROR(Execute("DELETE FROM journal_start"));
      RETURN_IF_ERROR(InsertStart(first));
      int64_t sequence = first;
      for (const JournalEvent& event : rewritten) {
        RETURN_IF_ERROR(Insert(event.SerializeAsString(), sequence++));
      }
      return absl::OkStatus();
    });
  }

  absl::Status Replay(
      const std::function<void(const JournalEvent&)>& apply) override {
    ASSIGN_OR_RETURN(const Statement rows,
                     Prepare("SELECT sequence, crc32c, event FROM journal "
                             "ORDER BY sequence"));
    ASSIGN_OR_RETURN(int64_t expected, ReadStart());
    for (;;) {
      const int result = sqlite3_step(rows.get());
      if (result == SQLITE_DONE) {
        last_ = static_cast<uint64_t>(expected - 1);
        return CheckTail(last_);
      }
      if (result != SQLITE_ROW) return Failure("read");
      const int64_t sequence = sqlite3_column_int64(rows.get(), 0);
      const auto crc =
          static_cast<uint32_t>(sqlite3_column_int64(rows.get(), 1));
      const void* bytes = sqlite3_column_blob(rows.get(), 2);
      const int size = sqlite3_column_bytes(rows.get(), 2);
      JournalEvent event;
      // A record whose types are damaged has nothing in it, nor a checksum.
      if (sequence != expected ||
          sqlite3_column_type(rows.get(), 1) != SQLITE_INTEGER || size == 0 ||
          Crc32c(bytes, static_cast<size_t>(size)) != crc ||
          !event.ParseFromArray(bytes, size)) {
        return absl::DataLossError(absl::StrCat(
            "the journal ", path_, " is damaged at event ", expected,
            "; restore it from a backup, or start with another --state-dir"));
      }
      apply(event);
      ++expected;
    }
  }

 private:
  absl::Status CheckTail(uint64_t last) {
    if (last < tail_.last()) {
      return absl::DataLossError(
          absl::StrCat("the journal ", path_, " is damaged at event ", last + 1,
                       ": it has lost its end, events up to ", tail_.last(),
                       "; restore it from a backup, ", TailPath(path_),
                       " with it, or ", "start with another --state-dir"));
    }
    if (last > tail_.last()) tail_.Note(last);
    return absl::OkStatus();
  }

  absl::Status Failure(absl::string_view doing) {
    const int code = sqlite3_errcode(database_.get());
    const std::string message =
        absl::StrCat("cannot ", doing, " the journal ", path_, ": ",
                     sqlite3_errmsg(database_.get()));
    switch (code & 0xff) {
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return absl::FailedPreconditionError(
            absl::StrCat(message, " (does another scheduler use it?)"));
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
        return absl::DataLossError(message);
      default:
        return absl::UnavailableError(message);
    }
  }

  absl::Status Execute(const char* sql) {
    if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) !=
        SQLITE_OK) {
      return Failure("use");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Statement> Prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql, -1, &statement, nullptr) !=
        SQLITE_OK) {
      return Failure("use");
    }
    return Statement(statement);
  }

  // All that `change` does, or nothing; `events` are what it writes.
  absl::Status Transact(const std::vector<JournalEvent>& events,
                        const std::function<absl::Status()>& change) {
    RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
    absl::Status status = change();
    if (status.ok()) status = Execute("COMMIT");
    if (!status.ok()) {
      Execute("ROLLBACK").IgnoreError();
    } else if (!events.empty()) {
      last_ = static_cast<uint64_t>(sqlite3_last_insert_rowid(database_.get()));
      tail_.Note(last_);
    }
    return status;
  }

  // The number of the first event.
  absl::StatusOr<int64_t> ReadStart() {
    ASSIGN_OR_RETURN(const Statement row,
                     Prepare("SELECT sequence FROM journal_start"));
    const int result = sqlite3_step(row.get());
    if (result == SQLITE_DONE) return 1;
    if (result != SQLITE_ROW) return Failure("read");
    return sqlite3_column_int64(row.get(), 0);
  }

  absl::Status InsertStart(int64_t sequence) {
    ASSIGN_OR_RETURN(const Statement insert,
                     Prepare("INSERT INTO journal_start VALUES (?)"));
    sqlite3_bind_int64(insert.get(), 1, sequence);
    if (sqlite3_step(insert.get()) != SQLITE_DONE) return Failure("write");
    return absl::OkStatus();
  }

  // sequence of 0: the one after the last.
  absl::Status Insert(const std::string& bytes, int64_t sequence = 0) {
    ASSIGN_OR_RETURN(const Statement insert,
                     Prepare("INSERT INTO journal (sequence, crc32c, event) "
                             "VALUES (?, ?, ?)"));
    if (sequence != 0) sqlite3_bind_int64(insert.get(), 1, sequence);
    sqlite3_bind_int64(insert.get(), 2, Crc32c(bytes.data(), bytes.size()));
    sqlite3_bind_blob64(insert.get(), 3, bytes.data(), bytes.size(),
                        SQLITE_STATIC);
    if (sqlite3_step(insert.get()) != SQLITE_DONE) return Failure("write");
    return absl::OkStatus();
  }

  const std::string path_;
  const Database database_;
  JournalTail tail_;
  uint64_t last_ = 0;  // number of the last event, once that is known
};

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> OpenSqliteJournal(
    const std::string& path) {
  sqlite3* raw = nullptr;
  const int result = sqlite3_open_v2(
      path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Database database(raw);
  if (result != SQLITE_OK) {
    return absl::UnavailableError(absl::StrCat("cannot open the journal ", path,
                                               ": ", sqlite3_errstr(result)));
  }
  ASSIGN_OR_RETURN(JournalTail tail, JournalTail::Open(TailPath(path)));
  auto journal = std::make_unique<SqliteJournal>(path, std::move(database),
                                                 std::move(tail));
  RETURN_IF_ERROR(journal->Initialise());
  return journal;
}

}  // namespace hawser
