// What an audit found, as people and programs read it.
//
// Pure functions.
#ifndef HAWSER_CLIENT_CLI_DESCRIBE_AUDIT_H_
#define HAWSER_CLIENT_CLI_DESCRIBE_AUDIT_H_

#include <string>

#include "client/audit/audit_report.h"
#include "nlohmann/json_fwd.hpp"

namespace hawser {

// Tables of staleness, lag and servers, then the violations that are kept, then
// one line with the verdict.
std::string AuditText(const AuditReport& report);

// {"reads", "pushes", "repeats", "blocks", "staleness", "lag", "servers",
// "violations", "first_violations"}. Distributions are {"p50", "p99", "max",
// "counts": [{"value", "count"}]}; without values the first three are null.
nlohmann::ordered_json ToJson(const AuditReport& report);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_DESCRIBE_AUDIT_H_
