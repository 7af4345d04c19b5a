// How long a worker computes on one micro-batch of a GPT, without any cluster:
// tokens/s, what that makes of operations a second, and tokens/s of CPU time.
//
//   bazel run //tests/bench:gpt_step_bench -- --threads=2 --batch=16
//
// The defaults are the model of docs/results.md: 4 layers, width 256, 4 heads,
// context 128, bytes.
#include <time.h>

#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "tests/bench/gpt_workload.h"
#include "tests/bench/spread.h"
#include "worker/backend/thread_pool.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

// CPU time of all threads: it means something on a busy machine, too.
double CpuSeconds() {
  timespec now;
  CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

struct Flags {
  int threads = 1;
  int batch = 16;
  int rounds = 15;
  std::string model =
      "vocabulary: 256 context: 128 layers: 4 heads: 4 width: 256";
};

absl::Status Run(const Flags& flags) {
  ASSIGN_OR_RETURN(GptWorkload workload,
                   GptWorkload::Make(flags.model, flags.batch));
  ThreadPool pool(flags.threads);
  ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                   MakeModel(workload.model, flags.batch, &pool));
  const auto compute = [&] {
    NoObserver everything;
    model->Gradient(workload.theta.data(), workload.batch, {}, 1,
                    workload.gradient.data(), &everything);
  };
  const auto tokens = static_cast<double>(workload.tokens());
  const Spread seconds = MeasuredBy(WallSeconds, flags.rounds, compute);
  const Spread cpu = MeasuredBy(CpuSeconds, flags.rounds, compute);
  std::printf("%d threads, %d samples\n", flags.threads, flags.batch);
  PrintSpreadHeader();
  PrintSpread("tokens/s", RateOf(tokens, seconds));
  PrintSpread("GFLOP/s", RateOf(workload.Operations() / 1e9, seconds));
  PrintSpread("tokens a CPU second", RateOf(tokens, cpu));
  return absl::OkStatus();
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::Flags flags;
  CLI::App app("Times a micro-batch of a GPT.");
  app.add_option("--threads", flags.threads, "threads of the worker");
  app.add_option("--batch", flags.batch, "samples of the micro-batch");
  app.add_option("--rounds", flags.rounds, "how often");
  app.add_option("--model", flags.model, "GptSpec, in text format");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = hawser::Run(flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "gpt_step_bench: %s\n",
               std::string(status.message()).c_str());
  return 1;
}
