// Simulates run after run, each from a seed of its own, until one breaks what
// must hold:
//   bazel run //tests/simulation:soak -- --runs=1000
//   bazel run //tests/simulation:soak -- --seed=N --runs=1 --trace
// or one scenario:
//   bazel run //tests/simulation:soak -- --scenario=$PWD/FILE --trace
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "CLI/CLI.hpp"
#include "glog/logging.h"
#include "tests/simulation/fault.h"
#include "tests/simulation/random_setup.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/simulator.h"

namespace hawser::simulation {
namespace {

struct Flags {
  uint64_t seed = static_cast<uint64_t>(
      std::chrono::system_clock::now().time_since_epoch().count());
  uint64_t runs = 1000;
  bool trace = false;
  bool keep_going = false;
  std::string scenario;
  RandomSetupOptions setup;
};

struct Totals {
  uint64_t succeeded = 0, failed = 0, broken = 0;
  uint64_t faults = 0, incarnations = 0, events = 0;
};

void PrintFailure(const Setup& setup, const Flags& flags,
                  const std::string& failure) {
  std::printf("seed %lu: %s\n%s", setup.seed, failure.c_str(),
              Describe(setup.faults).c_str());
  std::printf(
      "replay: bazel run //tests/simulation:soak -- --seed=%lu --runs=1 "
      "--steps=%lu --faults=%u --trace\n",
      setup.seed, flags.setup.steps, flags.setup.faults);
}

int RunFile(const Flags& flags) {
  std::ifstream file(flags.scenario);
  if (!file.good()) {
    std::fprintf(stderr, "soak: cannot read %s\n", flags.scenario.c_str());
    return 2;
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto scenario = ParseScenario(text);
  if (!scenario.ok()) {
    std::fprintf(stderr, "%s: %s\n", flags.scenario.c_str(),
                 std::string(scenario.status().message()).c_str());
    return 2;
  }
  Simulator simulator(FastTemporaryDirectory());
  const auto failure =
      RunScenario(*scenario, &simulator, flags.trace ? &std::cerr : nullptr);
  std::printf("%s: %s\n", flags.scenario.c_str(),
              failure.value_or("holds").c_str());
  return failure.has_value() ? 1 : 0;
}

int Run(const Flags& flags) {
  Simulator simulator(FastTemporaryDirectory());
  Totals totals;
  const auto start = std::chrono::steady_clock::now();
  std::printf("seeds %lu to %lu\n", flags.seed, flags.seed + flags.runs - 1);
  for (uint64_t i = 0; i < flags.runs; ++i) {
    const Setup setup = RandomSetup(flags.seed + i, flags.setup);
    const Outcome outcome =
        simulator.Run(setup, flags.trace ? &std::cerr : nullptr);
    totals.faults += outcome.faults;
    totals.incarnations += outcome.incarnations;
    totals.events += outcome.events;
    ++(outcome.job.state() == SUCCEEDED ? totals.succeeded : totals.failed);
    if (flags.runs == 1) {
      std::printf("hash %016lx\n%s after %s: %s\n", outcome.hash,
                  JobState_Name(outcome.job.state()).c_str(),
                  absl::FormatDuration(outcome.virtual_time).c_str(),
                  outcome.job.reason().c_str());
    }
    if (!outcome.failure.has_value()) continue;
    PrintFailure(setup, flags, *outcome.failure);
    ++totals.broken;
    if (!flags.keep_going) break;
  }
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  const uint64_t runs = totals.succeeded + totals.failed;
  std::printf(
      "%lu runs in %.1f s (%.1f ms each): %lu jobs succeeded, %lu failed; "
      "%.1f faults, %.1f incarnations, %lu events a run; %lu broken\n",
      runs, seconds.count(), 1e3 * seconds.count() / static_cast<double>(runs),
      totals.succeeded, totals.failed,
      static_cast<double>(totals.faults) / static_cast<double>(runs),
      static_cast<double>(totals.incarnations) / static_cast<double>(runs),
      totals.events / runs, totals.broken);
  return totals.broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hawser::simulation

int main(int argc, char** argv) {
  hawser::simulation::Flags flags;
  CLI::App app("soak: simulated clusters under faults, seed after seed");
  app.add_option("--seed", flags.seed, "the first seed (default: the time)");
  app.add_option("--runs", flags.runs, "how many seeds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--steps", flags.setup.steps, "steps of each job")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--faults", flags.setup.faults, "faults of each run")
      ->capture_default_str();
  app.add_flag("--trace", flags.trace, "write what happens to stderr");
  app.add_flag("--keep-going", flags.keep_going,
               "do not stop at the first seed that breaks something");
  app.add_option("--scenario", flags.scenario, "run this file instead");
  CLI11_PARSE(app, argc, argv);
  FLAGS_logtostderr = true;
  FLAGS_log_prefix = false;
  FLAGS_minloglevel = flags.trace ? google::INFO : google::FATAL;
  return flags.scenario.empty() ? hawser::simulation::Run(flags)
                                : hawser::simulation::RunFile(flags);
}
