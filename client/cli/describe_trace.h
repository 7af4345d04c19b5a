// Shares of a step as people and programs read them.
//
// Pure functions.
#ifndef HAWSER_CLIENT_CLI_DESCRIBE_TRACE_H_
#define HAWSER_CLIENT_CLI_DESCRIBE_TRACE_H_

#include <string>

#include "client/trace/step_shares.h"
#include "nlohmann/json_fwd.hpp"

namespace hawser {

// A table of workers, one of servers, and the figure for the whole job; each
// min / median / max over the steps.
std::string SharesText(const StepShares& shares);

nlohmann::ordered_json ToJson(const StepShares& shares);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_DESCRIBE_TRACE_H_
