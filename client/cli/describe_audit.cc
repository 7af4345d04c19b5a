#include "client/cli/describe_audit.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/table.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

// "1 read", "2 reads".
std::string Count(uint64_t count, const std::string& what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

// The values that share a table's line with this one. Small values have a line
// each, then one line has twice as many values as the line before it, so that
// any distribution fits on a page.
struct ValueRange {
  uint64_t first = 0;
  uint64_t last = 0;
};

ValueRange LineOf(uint64_t value) {
  constexpr uint64_t kSingleValues = 16;
  if (value < kSingleValues) return {value, value};
  uint64_t last = 2 * kSingleValues - 1;
  while (last < value) last = 2 * last + 1;
  return {last / 2 + 1, last};
}

std::string DistributionText(const std::string& value, const std::string& what,
                             const Distribution& distribution) {
  std::vector<Row> rows = {{value, what, "SHARE"}};
  const auto& counts = distribution.counts();
  for (auto next = counts.begin(); next != counts.end();) {
    const auto [first, last] = LineOf(next->first);
    uint64_t count = 0;
    for (; next != counts.end() && next->first <= last; ++next) {
      count += next->second;
    }
    rows.push_back(
        {first == last ? absl::StrCat(last) : absl::StrCat(first, "-", last),
         absl::StrCat(count),
         absl::StrFormat("%.2f %%",
                         100.0 * static_cast<double>(count) /
                             static_cast<double>(distribution.total()))});
  }
  if (distribution.total() == 0) return Table({{value, what}, {"-", "0"}});
  return absl::StrCat(Table(rows), "p50 ", distribution.Percentile(50),
                      ", p99 ", distribution.Percentile(99), ", max ",
                      distribution.max(), "\n");
}

std::string ServerText(const AuditReport& report) {
  std::vector<Row> rows = {{"SERVER", "BLOCKS", "READS", "PUSHES", "REPEATS"}};
  for (const AuditServerCounts& server : report.servers) {
    rows.push_back({absl::StrCat(server.server), absl::StrCat(server.blocks),
                    absl::StrCat(server.reads), absl::StrCat(server.pushes),
                    absl::StrCat(server.repeats)});
  }
  return Table(rows);
}

std::string ViolationText(const AuditReport& report) {
  std::string text;
  for (const AuditViolation& violation : report.first_violations) {
    absl::StrAppend(&text, violation.file, ":", violation.line, ": ",
                    AuditRuleName(violation.rule), ": ", violation.sentence,
                    "\n");
  }
  const uint64_t more = report.violations - report.first_violations.size();
  if (more > 0) absl::StrAppend(&text, "and ", more, " more\n");
  return text.empty() ? text : text + "\n";
}

Json DistributionJson(const Distribution& distribution) {
  Json json = {{"p50", nullptr}, {"p99", nullptr}, {"max", nullptr}};
  if (distribution.total() > 0) {
    json = {{"p50", distribution.Percentile(50)},
            {"p99", distribution.Percentile(99)},
            {"max", distribution.max()}};
  }
  json["counts"] = Json::array();
  for (const auto& [value, count] : distribution.counts()) {
    json["counts"].push_back({{"value", value}, {"count", count}});
  }
  return json;
}

}  // namespace

std::string AuditText(const AuditReport& report) {
  const AuditServerCounts total = report.Total();
  return absl::StrCat(
      DistributionText("STALENESS", "READS", report.staleness), "\n",
      DistributionText("LAG", "PUSHES", report.lag), "\n", ServerText(report),
      "\n", ViolationText(report), Count(total.reads, "read"), ", ",
      total.pushes, total.pushes == 1 ? " push" : " pushes", " checked on ",
      Count(total.blocks, "block"), " of ",
      Count(report.servers.size(), "server"), ": ",
      report.violations == 0 ? "no violation"
                             : Count(report.violations, "violation"),
      "\n");
}

Json ToJson(const AuditReport& report) {
  const AuditServerCounts total = report.Total();
  Json json = {{"reads", total.reads},
               {"pushes", total.pushes},
               {"repeats", total.repeats},
               {"blocks", total.blocks},
               {"staleness", DistributionJson(report.staleness)},
               {"lag", DistributionJson(report.lag)},
               {"servers", Json::array()},
               {"violations", report.violations},
               {"first_violations", Json::array()}};
  for (const AuditServerCounts& server : report.servers) {
    json["servers"].push_back({{"server", server.server},
                               {"blocks", server.blocks},
                               {"reads", server.reads},
                               {"pushes", server.pushes},
                               {"repeats", server.repeats}});
  }
  for (const AuditViolation& violation : report.first_violations) {
    json["first_violations"].push_back(
        {{"file", violation.file},
         {"line", violation.line},
         {"rule", std::string(AuditRuleName(violation.rule))},
         {"sentence", violation.sentence}});
  }
  return json;
}

}  // namespace hawser
