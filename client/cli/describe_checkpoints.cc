#include "client/cli/describe_checkpoints.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "client/cli/table.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

std::string TimeText(int64_t unix_ms) {
  return absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(unix_ms),
                          absl::UTCTimeZone());
}

}  // namespace

std::string BytesText(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  auto amount = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (amount < 1024) break;
    amount /= 1024;
    unit = next;
  }
  return absl::StrFormat("%.1f %s", amount, unit);
}

std::string CheckpointTroubleText(const JobStatus& job) {
  std::vector<std::string> parts;
  if (job.checkpoints_failed() != 0) {
    parts.push_back(absl::StrCat(job.checkpoints_failed(), " failed"));
  }
  if (job.checkpoints_skipped() != 0) {
    parts.push_back(absl::StrCat(job.checkpoints_skipped(), " skipped"));
  }
  std::string text = absl::StrJoin(parts, ", ");
  if (job.checkpoint_problem().empty()) return text;
  return absl::StrCat(text, text.empty() ? "" : "; ", job.checkpoint_problem());
}

std::string CheckpointTable(const JobStatus& job) {
  std::vector<Row> rows = {
      {"STEP", "COMMITTED", "SIZE", "FILES", "KEPT", "DIRECTORY"}};
  for (const CheckpointStatus& each : job.checkpoints()) {
    rows.push_back({absl::StrCat(each.step()),
                    TimeText(each.committed_unix_ms()), BytesText(each.bytes()),
                    absl::StrCat(each.files()), each.kept(), each.directory()});
  }
  const std::string trouble = CheckpointTroubleText(job);
  return absl::StrCat(Table(rows), trouble, trouble.empty() ? "" : "\n");
}

Json CheckpointsToJson(const JobStatus& job) {
  Json json = {{"name", job.name()},
               {"failed", job.checkpoints_failed()},
               {"skipped", job.checkpoints_skipped()},
               {"problem", job.checkpoint_problem()},
               {"checkpoints", Json::array()}};
  for (const CheckpointStatus& each : job.checkpoints()) {
    json["checkpoints"].push_back(
        {{"step", each.step()},
         {"committed", TimeText(each.committed_unix_ms())},
         {"bytes", each.bytes()},
         {"files", each.files()},
         {"kept", each.kept()},
         {"directory", each.directory()}});
  }
  return json;
}

}  // namespace hawser
