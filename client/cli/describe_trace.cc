#include "client/cli/describe_trace.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/table.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

constexpr SpanCategory kOfWorkers[] = {
    SpanCategory::kCompute, SpanCategory::kPull, SpanCategory::kPush,
    SpanCategory::kMerge,   SpanCategory::kData, SpanCategory::kValidation};
constexpr SpanCategory kOfServers[] = {
    SpanCategory::kAggregate, SpanCategory::kOptimizer, SpanCategory::kAnswer,
    SpanCategory::kCheckpoint};

std::string Percent(const Spread& spread) {
  return absl::StrFormat("%.1f / %.1f / %.1f", 100 * spread.min,
                         100 * spread.median, 100 * spread.max);
}

std::string Milliseconds(const Spread& spread) {
  return absl::StrFormat("%.2f / %.2f / %.2f", 1e3 * spread.min,
                         1e3 * spread.median, 1e3 * spread.max);
}

Spread ShareOf(const MemberShares& member, SpanCategory category) {
  const auto found = member.shares.find(category);
  return found == member.shares.end() ? Spread() : found->second;
}

// Columns that are zero everywhere are left out.
template <size_t n>
std::vector<SpanCategory> Used(const StepShares& shares,
                               const SpanCategory (&categories)[n]) {
  std::vector<SpanCategory> used;
  for (const SpanCategory category : categories) {
    for (const MemberShares& member : shares.members) {
      if (ShareOf(member, category).max == 0) continue;
      used.push_back(category);
      break;
    }
  }
  return used;
}

std::string Heading(SpanCategory category) {
  return absl::StrCat(absl::AsciiStrToUpper(NameOf(category)), " %");
}

std::string WorkerTable(const StepShares& shares) {
  const auto used = Used(shares, kOfWorkers);
  std::vector<Row> rows = {{"WORKER", "STEPS", "STEP ms"}};
  for (const SpanCategory category : used) {
    rows[0].push_back(Heading(category));
  }
  rows[0].push_back("OTHER %");
  rows[0].push_back("NOT COMPUTE %");
  for (const MemberShares& member : shares.members) {
    if (member.info.is_server()) continue;
    Row row = {absl::StrCat(member.info.node()), absl::StrCat(member.steps),
               Milliseconds(member.step_seconds)};
    for (const SpanCategory category : used) {
      row.push_back(Percent(ShareOf(member, category)));
    }
    row.push_back(Percent(member.other));
    row.push_back(Percent(member.not_compute));
    rows.push_back(std::move(row));
  }
  return Table(rows);
}

std::string ServerTable(const StepShares& shares) {
  const auto used = Used(shares, kOfServers);
  std::vector<Row> rows = {{"SERVER", "STEPS"}};
  for (const SpanCategory category : used) {
    rows[0].push_back(Heading(category));
  }
  rows[0].push_back("IDLE %");
  for (const MemberShares& member : shares.members) {
    if (!member.info.is_server()) continue;
    Row row = {absl::StrCat(member.info.node()), absl::StrCat(member.steps)};
    for (const SpanCategory category : used) {
      row.push_back(Percent(ShareOf(member, category)));
    }
    row.push_back(Percent(member.idle));
    rows.push_back(std::move(row));
  }
  return Table(rows);
}

Json ToJson(const Spread& spread) {
  return {{"min", spread.min}, {"median", spread.median}, {"max", spread.max}};
}

}  // namespace

std::string SharesText(const StepShares& shares) {
  return absl::StrCat(WorkerTable(shares), "\n", ServerTable(shares),
                      "\nmin / median / max over the steps. A step took ",
                      Milliseconds(shares.step_seconds), " ms; of that ",
                      Percent(shares.not_compute), " % was not compute.\n");
}

Json ToJson(const StepShares& shares) {
  Json members = Json::array();
  for (const MemberShares& member : shares.members) {
    const bool is_server = member.info.is_server();
    Json json = {{"node", member.info.node()},
                 {"role", is_server ? "server" : "worker"},
                 {"steps", member.steps},
                 {"step_seconds", ToJson(member.step_seconds)}};
    Json of = Json::object();
    for (const auto& [category, spread] : member.shares) {
      of[NameOf(category)] = ToJson(spread);
    }
    if (is_server) {
      of["idle"] = ToJson(member.idle);
    } else {
      of["other"] = ToJson(member.other);
    }
    json["shares"] = std::move(of);
    if (!is_server) json["not_compute"] = ToJson(member.not_compute);
    members.push_back(std::move(json));
  }
  return {{"step_seconds", ToJson(shares.step_seconds)},
          {"not_compute", ToJson(shares.not_compute)},
          {"members", std::move(members)}};
}

}  // namespace hawser
