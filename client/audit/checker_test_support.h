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
#include "gmock/gmock.h"
#include "gtest/gtest.h"

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

// Two workers, 1 and 2, and a block 0 whose steps have two micro-batches.
inline std::string Start(absl::string_view phase) {
  return absl::StrCat("H 1 a 0 2\nB 0\nM 0 ", phase, "\nJ 0 1 0\nJ 0 2 0\n");
}
inline constexpr int kStartLines = 5;

inline constexpr char kSynchronous[] = "SYNCHRONOUS - -";
inline constexpr char kBoundOne[] = "BOUNDED_STALENESS 1 -";
inline constexpr char kNoBound[] = "BOUNDED_STALENESS - 250";
inline constexpr char kAsynchronous[] = "ASYNCHRONOUS - -";

inline AuditReport Clean(const std::string& history) {
  const auto report = CheckText(history);
  EXPECT_TRUE(report.ok()) << report.status();
  if (!report.ok()) return AuditReport();
  for (const AuditViolation& violation : report->first_violations) {
    ADD_FAILURE() << violation.line << ": " << violation.sentence;
  }
  EXPECT_EQ(report->violations, 0u);
  return *report;
}

// One violation, of this rule, at this line after those of Start.
inline void Broken(const std::string& history, AuditRule rule, int line,
                   const std::string& sentence) {
  const auto report = CheckText(history);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->violations, 1u) << history;
  for (const AuditViolation& violation : report->first_violations) {
    EXPECT_EQ(violation.file, "history");
    EXPECT_EQ(violation.line, static_cast<uint64_t>(kStartLines + line))
        << history;
    EXPECT_EQ(AuditRuleName(violation.rule), AuditRuleName(rule));
    EXPECT_THAT(violation.sentence, testing::HasSubstr(sentence));
  }
}

// Why it cannot be checked.
inline std::string Error(const std::string& history) {
  const auto report = CheckText(history);
  EXPECT_TRUE(absl::IsDataLoss(report.status())) << history;
  return std::string(report.status().message());
}

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_CHECKER_TEST_SUPPORT_H_
