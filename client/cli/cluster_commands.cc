// hawser up, down, nodes: the cluster itself.
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/background_cluster.h"
#include "client/cli/command_line.h"
#include "client/cli/describe.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/local_cluster.h"
#include "client/cli/note_dashboard.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

struct UpFlags {
  LocalCluster::Options cluster;
  std::string data_root;
  bool no_dashboard = false;
};

int Up(const CommandLine& line, UpFlags flags) {
  CatchInterruptions();
  flags.cluster.state_directory =
      std::filesystem::absolute(StateDirectory(line)).string();
  flags.cluster.output_root =
      std::filesystem::absolute(flags.cluster.output_root).string();
  flags.cluster.data_root =
      flags.data_root.empty()
          ? "/"
          : std::filesystem::absolute(flags.data_root).string();
  flags.cluster.dashboard = !flags.no_dashboard;
  const auto address = StartBackgroundCluster(flags.cluster);
  if (!address.ok()) {
    Fail(address.status());
    return absl::IsCancelled(address.status()) ? kInterrupted : kJobFailed;
  }
  const std::string dashboard =
      BackgroundClusterDashboard(flags.cluster.state_directory);
  NoteDashboard(dashboard);
  if (line.json()) {
    PrintJson(Json({{"scheduler", *address},
                    {"servers", flags.cluster.servers},
                    {"workers", flags.cluster.workers},
                    {"logs", flags.cluster.state_directory},
                    {"dashboard", dashboard}}));
  } else {
    Print(absl::StrCat("cluster is up: scheduler at ", *address, ", ",
                       flags.cluster.servers, " servers, ",
                       flags.cluster.workers, " workers; logs in ",
                       flags.cluster.state_directory, "\n"));
  }
  return kDone;
}

int Down(const CommandLine& line) {
  const absl::Status status = StopBackgroundCluster(StateDirectory(line));
  if (!status.ok()) return Fail(status);
  if (line.json()) {
    PrintJson(Json({{"stopped", true}}));
  } else {
    Print("cluster is down\n");
  }
  return kDone;
}

int Nodes(const CommandLine& line) {
  const auto nodes = ConnectToScheduler(line)->ListNodes(ListNodesRequest());
  if (!nodes.ok()) return Fail(nodes.status());
  if (!line.json()) {
    Print(NodeTable(*nodes));
    return kDone;
  }
  Json json = Json::array();
  for (const NodeStatus& node : nodes->nodes()) json.push_back(ToJson(node));
  PrintJson(json);
  return kDone;
}

}  // namespace

void AddClusterCommands(CommandLine* line) {
  auto flags = std::make_shared<UpFlags>();
  flags->cluster.listen = "127.0.0.1:7070";
  flags->cluster.servers = 2;
  flags->cluster.workers = 2;
  CLI::App* up = line->app.add_subcommand(
      "up", "start a cluster on this machine that stays");
  up->add_option("--workers", flags->cluster.workers, "worker processes")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  up->add_option("--devices", flags->cluster.devices,
                 "what the workers compute on, in turn: cpu or cuda:N, with "
                 "commas between (default: cpu)")
      ->delimiter(',');
  up->add_option("--servers", flags->cluster.servers, "server processes")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  up->add_option("--listen", flags->cluster.listen,
                 "where the scheduler listens")
      ->capture_default_str();
  up->add_option("--lease-ms", flags->cluster.lease_ms,
                 "a member silent for this long is lost")
      ->capture_default_str();
  up->add_option("--heartbeat-ms", flags->cluster.heartbeat_ms,
                 "how often members renew their lease")
      ->capture_default_str();
  up->add_option("--keep-ended-jobs", flags->cluster.keep_ended_jobs,
                 "jobs that have ended and are kept; older ones are forgotten")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  up->add_option("--data-root", flags->data_root,
                 "jobs read data below this directory only (default: /)");
  up->add_option("--output-root", flags->cluster.output_root,
                 "checkpoints go below this directory")
      ->capture_default_str();
  up->add_flag("--no-dashboard", flags->no_dashboard,
               "without the web page that shows its jobs");
  up->callback([line, flags] {
    line->verb = [line, flags] { return Up(*line, *flags); };
  });
  line->app.add_subcommand("down", "stop the cluster that `up` started")
      ->callback([line] { line->verb = [line] { return Down(*line); }; });
  line->app.add_subcommand("nodes", "list the servers and workers")
      ->callback([line] { line->verb = [line] { return Nodes(*line); }; });
}

}  // namespace hawser
