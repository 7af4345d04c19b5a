// The journal in an SQLite database: one row an event, with its CRC32C.
// Committed with synchronous=FULL; the database is locked, so that two
// schedulers cannot share it.
#ifndef HAWSER_SCHEDULER_SQLITE_JOURNAL_H_
#define HAWSER_SCHEDULER_SQLITE_JOURNAL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/journal.h"

namespace hawser {

// Opens or creates the file. FAILED_PRECONDITION: another scheduler has it.
// DATA_LOSS: it is not a journal, or damaged.
absl::StatusOr<std::unique_ptr<Journal>> OpenSqliteJournal(
    const std::string& path);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_SQLITE_JOURNAL_H_
