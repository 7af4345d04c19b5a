// Reads the history that a job's servers left in a directory: a file a server
// (and a further one after each roll-back), a record a line, in the format of
// docs/audit_format.md.
//
// Streams: holds one line at a time, of at most kMostHistoryLineBytes.
#ifndef HAWSER_CLIENT_AUDIT_HISTORY_H_
#define HAWSER_CLIENT_AUDIT_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/audit/record.h"

namespace hawser {

inline constexpr size_t kMostHistoryLineBytes = 1 << 20;

struct HistoryFile {
  uint64_t server = 0;
  uint64_t blocks_since = 0;  // in the name after a roll-back; else 0
  std::string path;
};

// The directory's histories, in the order of the servers, those of one in that
// of its roll-backs. Other files do not matter. NOT_FOUND: there is none, or no
// directory. DATA_LOSS: all of a server that is not the last are missing.
absl::StatusOr<std::vector<HistoryFile>> HistoryFiles(
    const std::string& directory);

// Gives each record of the history of server number `server` of a job to
// `take`, the header first. A last line without newline is left out.
//
// DATA_LOSS: the file is damaged, of another server or job, or `take` said so;
// the message names file and line. Other errors of `take` are passed on.
absl::Status ReadHistoryFile(
    const std::string& path, const std::string& job, uint64_t server,
    absl::FunctionRef<absl::Status(const RecordPlace&, const AuditRecord&)>
        take);

// HistoryFiles, and ReadHistoryFile of each.
absl::Status ReadHistory(
    const std::string& directory, const std::string& job,
    absl::FunctionRef<absl::Status(const RecordPlace&, const AuditRecord&)>
        take);

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_HISTORY_H_
