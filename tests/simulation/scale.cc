// Experiments at scale, see docs/scale.md: one, or all of a table.
//   bazel run //tests/simulation:scale -- --workers=1000 --servers=20
//       --mode=asynchronous --stragglers=0.05
//   bazel run //tests/simulation:scale -- --all --most-workers=1000
// Writes one line of CSV for each to stdout, the same on every machine; what it
// is at, and what that takes of this machine, to stderr.
#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "glog/logging.h"
#include "tests/simulation/scale_run.h"
#include "tests/simulation/simulator.h"

namespace hawser::simulation {
namespace {

// What goes wrong.
struct Trouble {
  double stragglers;
  double failures_per_minute;
};
constexpr Trouble kNone = {0, 0};

// A part of the table: 50 workers a server machine.
struct Part {
  uint32_t workers;
  uint32_t servers;
  uint32_t machines_per_server;
  uint64_t steps;
  std::vector<std::string> modes;
  std::vector<Trouble> troubles;
};

const std::vector<Part>& Parts() {
  const std::vector<std::string> modes = {"synchronous-static",
                                          "synchronous-dynamic",
                                          "bounded-staleness", "asynchronous"};
  const std::vector<Trouble> troubles = {kNone, {0.01, 0}, {0.05, 0}, {0, 1}};
  static const auto* const kParts = new std::vector<Part>{
      {10, 1, 1, 30, modes, troubles},
      {10, 1, 1, 12, {"local-steps"}, troubles},
      {100, 2, 1, 30, modes, troubles},
      {100, 2, 1, 12, {"local-steps"}, troubles},
      {1000, 20, 1, 18, modes, troubles},
      {10000, 2, 100, 12, {"synchronous-static", "asynchronous"}, {kNone}},
  };
  return *kParts;
}

bool RunOne(const ScaleOptions& options) {
  const ScaleResult result =
      RunScale(options, FastTemporaryDirectory(), /*audit=*/false, nullptr);
  if (result.failure.has_value()) {
    std::fprintf(stderr, "scale: %s\n", result.failure->c_str());
    return false;
  }
  std::printf("%u,%u,%u,%s,%lu,%g,%g,%lu,%.4f,%.3f,%.1f,%lu,%.1f\n",
              options.workers, options.servers, options.machines_per_server,
              options.mode.c_str(), options.steps, options.stragglers,
              options.failures_per_minute, options.seed, result.efficiency,
              result.seconds_per_step, result.measured_seconds,
              result.incarnations, result.scheduler_messages_per_second);
  std::fprintf(stderr, "in %.1f s; the scheduler took %.1f us a call\n",
               result.real_seconds, result.scheduler_microseconds_per_message);
  std::fflush(stdout);
  return true;
}

bool RunAll(const ScaleOptions& base, uint32_t least, uint32_t most) {
  bool ok = true;
  for (const Part& part : Parts()) {
    if (part.workers < least || part.workers > most) continue;
    for (const std::string& mode : part.modes) {
      for (const Trouble& trouble : part.troubles) {
        ScaleOptions options = base;
        options.workers = part.workers;
        options.servers = part.servers;
        options.machines_per_server = part.machines_per_server;
        options.steps = part.steps;
        options.mode = mode;
        options.stragglers = trouble.stragglers;
        options.failures_per_minute = trouble.failures_per_minute;
        // Too few for one to be so many.
        if (trouble.stragglers > 0 && trouble.stragglers * part.workers < 1) {
          continue;
        }
        std::fprintf(stderr, "%u workers, %s, stragglers %g, failures %g: ",
                     part.workers, mode.c_str(), trouble.stragglers,
                     trouble.failures_per_minute);
        ok = RunOne(options) && ok;
      }
    }
  }
  return ok;
}

}  // namespace
}  // namespace hawser::simulation

int main(int argc, char** argv) {
  hawser::simulation::ScaleOptions options;
  bool all = false, header = true;
  uint32_t least = 0, most = 10000;
  CLI::App app("scale: simulated clusters of any size, and what they achieve");
  app.add_flag("--all", all, "every line of the table");
  app.add_option("--least-workers", least, "of --all: no smaller clusters");
  app.add_option("--most-workers", most, "of --all: no larger clusters");
  app.add_option("--workers", options.workers)->capture_default_str();
  app.add_option("--servers", options.servers)->capture_default_str();
  app.add_option("--mode", options.mode)->capture_default_str();
  app.add_option("--steps", options.steps)
      ->check(CLI::Range(6, 1000000))
      ->capture_default_str();
  app.add_option("--stragglers", options.stragglers, "share of the workers")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--failures-per-minute", options.failures_per_minute)
      ->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--parameters", options.parameters)->capture_default_str();
  app.add_option("--compute-seconds", options.compute_seconds,
                 "mean, of a micro-batch")
      ->capture_default_str();
  app.add_option("--compute-variation", options.compute_variation,
                 "standard deviation over mean")
      ->capture_default_str();
  app.add_option("--slowness", options.slowness, "of a straggler")
      ->capture_default_str();
  app.add_option("--micro-batches-per-worker", options.micro_batches_per_worker)
      ->capture_default_str();
  app.add_option("--worker-gigabits", options.worker_gigabits)
      ->capture_default_str();
  app.add_option("--server-gigabits", options.server_gigabits)
      ->capture_default_str();
  app.add_option("--machines-per-server", options.machines_per_server,
                 "that a simulated server stands for")
      ->capture_default_str();
  app.add_option("--restart-seconds", options.restart_seconds)
      ->capture_default_str();
  app.add_flag("!--no-header", header, "write no line of names");
  CLI11_PARSE(app, argc, argv);
  FLAGS_logtostderr = true;
  FLAGS_minloglevel = google::FATAL;
  if (header) {
    std::puts(
        "workers,servers,machines_per_server,mode,steps,stragglers,"
        "failures_per_minute,seed,efficiency,seconds_per_step,"
        "measured_seconds,incarnations,scheduler_messages_per_second");
  }
  const bool ok = all ? hawser::simulation::RunAll(options, least, most)
                      : hawser::simulation::RunOne(options);
  return ok ? 0 : 1;
}
