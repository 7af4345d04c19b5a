// Histories as text, for the tests of the checker.
#ifndef HAWSER_CLIENT_AUDIT_CHECKER_TEST_SUPPORT_H_
#define HAWSER_CLIENT_AUDIT_CHECKER_TEST_SUPPORT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "client/audit/checker.h"
#include "client/audit/record.h"

namespace hawser {

// What the checker says of the lines of one or more servers. An error is
// prefixed with the number of its line in the text.
inline absl::StatusOr<AuditReport> CheckText(absl::string_view text) {
  HistoryChecker checker(20);
  RecordPlace place = {.file = "history", .line = 0};
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++place.line;
    if (line.empty()) continue;
    const auto record = ParseAuditRecord(line);
    const absl::Status status =
        record.ok() ? checker.Take(place, *record) : record.status();
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(place.line, ": ", status.message()));
    }
  }
  checker.Finish();
  return checker.report();
}

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_CHECKER_TEST_SUPPORT_H_
