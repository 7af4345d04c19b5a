// hawser drain NODE: takes work and blocks away from a member, so that it may
// be stopped.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/command_line.h"
#include "client/cli/describe.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"
#include "proto/scheduler.pb.h"

namespace hawser {
namespace {

// Between two looks at the node.
constexpr absl::Duration kLook = absl::Milliseconds(200);

struct DrainFlags {
  uint64_t node = 0;
  bool undo = false;
  bool wait = false;
};

absl::StatusOr<NodeStatus> Look(SchedulerClient* scheduler, uint64_t node) {
  ASSIGN_OR_RETURN(const ListNodesResponse nodes,
                   scheduler->ListNodes(ListNodesRequest()));
  for (const NodeStatus& each : nodes.nodes()) {
    if (each.node() == node) return each;
  }
  return absl::NotFoundError(absl::StrCat("node ", node, " has left"));
}

// Until it is drained; says what it waits for, each time that changes.
absl::StatusOr<NodeStatus> Await(SchedulerClient* scheduler, uint64_t node) {
  std::string reason;
  for (;;) {
    ASSIGN_OR_RETURN(const NodeStatus status, Look(scheduler, node));
    if (status.state() != DRAINING) return status;
    if (status.reason() != reason) Note(status.reason() + "\n");
    reason = status.reason();
    if (Interrupted()) return absl::CancelledError("interrupted");
    absl::SleepFor(kLook);
  }
}

absl::StatusOr<NodeStatus> Drain(const CommandLine& line,
                                 const DrainFlags& flags) {
  const auto scheduler = ConnectToScheduler(line);
  DrainNodeRequest request;
  request.set_node(flags.node);
  request.set_undo(flags.undo);
  RETURN_IF_ERROR(scheduler->DrainNode(request).status());
  if (flags.wait && !flags.undo) return Await(scheduler.get(), flags.node);
  return Look(scheduler.get(), flags.node);
}

std::string Text(const NodeStatus& node) {
  switch (node.state()) {
    case DRAINING:
      return absl::StrCat("node ", node.node(), " is draining: ", node.reason(),
                          "\n");
    case DRAINED:
      return absl::StrCat("node ", node.node(),
                          " is drained: it may be stopped\n");
    default:
      return absl::StrCat("node ", node.node(), " may get work again\n");
  }
}

int Act(const CommandLine& line, const DrainFlags& flags) {
  if (flags.wait) CatchInterruptions();
  const auto node = Drain(line, flags);
  if (!node.ok()) {
    const int code = Fail(node.status());
    return absl::IsCancelled(node.status()) ? kInterrupted : code;
  }
  if (line.json()) {
    PrintJson(ToJson(*node));
  } else {
    Print(Text(*node));
  }
  return kDone;
}

}  // namespace

void AddDrainCommand(CommandLine* line) {
  auto flags = std::make_shared<DrainFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "drain",
      "move a node's work and blocks to others, so that it may be stopped");
  verb->add_option("NODE", flags->node, "number of the node, of `hawser nodes`")
      ->required();
  verb->add_flag("--undo", flags->undo, "let it have work and blocks again");
  verb->add_flag("--wait", flags->wait, "return when it is drained");
  verb->callback([line, flags] {
    line->verb = [line, flags] { return Act(*line, *flags); };
  });
}

}  // namespace hawser
