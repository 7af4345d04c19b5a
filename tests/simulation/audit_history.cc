#include "tests/simulation/audit_history.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "client/audit/checker.h"
#include "client/audit/history.h"

namespace hawser::simulation {

std::optional<std::string> AuditHistory(const std::string& output,
                                        const JobStatus& job,
                                        std::ostream* trace) {
  HistoryChecker checker(/*violations_kept=*/1);
  const absl::Status read =
      ReadHistory(absl::StrCat(output, "/", job.name(), "/audit"), job.name(),
                  [&](const RecordPlace& place, const AuditRecord& record) {
                    return checker.Take(place, record);
                  });
  // Of a job that failed early, a server may have written nothing.
  if (!read.ok() && job.state() != SUCCEEDED) return std::nullopt;
  if (!read.ok()) return absl::StrCat("audit: ", read.ToString());
  checker.Finish();
  if (checker.report().violations == 0) return std::nullopt;
  const AuditViolation& first = checker.report().first_violations[0];
  if (trace != nullptr) {
    std::ifstream history(first.file);
    std::string line;
    for (uint64_t number = 1; std::getline(history, line); ++number) {
      if (number + 40 > first.line && number <= first.line) {
        *trace << "audit " << number << ": " << line << "\n";
      }
    }
  }
  return absl::StrCat("audit: ", checker.report().violations,
                      " violations: ", first.file, " line ", first.line, ": ",
                      first.sentence);
}

}  // namespace hawser::simulation
