// How long a worker computes on one micro-batch of a GPT, without any cluster:
// tokens/s, what that makes of operations a second, and tokens/s of CPU time.
//
//   bazel run //tests/bench:gpt_step_bench -- --threads=2 --batch=16
//
// The defaults are the model of docs/results.md: 4 layers, width 256, 4 heads,
// context 128, bytes.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/job/initial_values.h"
#include "common/job/job_rules.h"
#include "common/job/model_layout.h"
#include "glog/logging.h"
#include "google/protobuf/text_format.h"
#include "worker/backend/thread_pool.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// CPU time of all threads: it means something on a busy machine, too.
double CpuNow() {
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

int Run(const Flags& flags) {
  JobSpec job;
  CHECK(google::protobuf::TextFormat::ParseFromString(
      "name: 'bench' model { gpt { " + flags.model +
          " } } data { text { files: 'x' } } optimizer { adamw { } } "
          "learning_rate { base: 1e-3 } schedule { steps: 1 global_batch: 1 }",
      &job));
  const auto complete = CompleteJob(job);
  CHECK(complete.ok()) << complete.status();
  const GptSpec& gpt = complete->model().gpt();
  const auto layout = LayoutOf(complete->model());
  ThreadPool pool(flags.threads);
  const auto model = MakeModel(complete->model(), flags.batch, &pool);
  CHECK(model.ok()) << model.status();
  std::vector<float> theta(layout->parameters);
  for (size_t n = 0; n < layout->tensors.size(); ++n) {
    const TensorShape& tensor = layout->tensors[n];
    uint64_t elements = 1;
    for (const uint64_t d : tensor.dimensions()) elements *= d;
    FillInitialValues(tensor, static_cast<uint32_t>(n), 0, 0, elements,
                      theta.data() + tensor.offset());
  }
  std::vector<float> gradient(theta.size());
  Batch batch;
  batch.samples = flags.batch;
  const int64_t tokens = flags.batch * static_cast<int64_t>(gpt.context());
  for (int64_t i = 0; i < tokens; ++i) {
    batch.tokens.push_back(static_cast<int32_t>(i * 37 % gpt.vocabulary()));
    batch.labels.push_back(static_cast<int32_t>(i * 41 % gpt.vocabulary()));
  }
  std::vector<double> seconds;
  std::vector<double> cpu_seconds;
  for (int round = 0; round < flags.rounds + 2; ++round) {
    const double start = Now();
    NoObserver everything;
    const double cpu_start = CpuNow();
    (*model)->Gradient(theta.data(), batch, {}, 1, gradient.data(),
                       &everything);
    if (round < 2) continue;
    seconds.push_back(Now() - start);
    cpu_seconds.push_back(CpuNow() - cpu_start);
  }
  std::sort(seconds.begin(), seconds.end());
  std::sort(cpu_seconds.begin(), cpu_seconds.end());
  const double best = seconds.front();
  const double median = seconds[seconds.size() / 2];
  // Six operations a token and weight of a product, and the attention's.
  const double weights =
      static_cast<double>(theta.size()) -
      (gpt.positions() == LEARNED ? gpt.context() * double{1} * gpt.width()
                                  : 0);
  const double operations =
      6 * weights + 6.0 * gpt.layers() * gpt.context() * gpt.width();
  std::printf(
      "%d threads, %d samples: tokens/s best %.0f median %.0f; "
      "%.0f GFLOP/s of the best; tokens a CPU second best %.0f median %.0f\n",
      flags.threads, flags.batch, static_cast<double>(tokens) / best,
      static_cast<double>(tokens) / median,
      operations * static_cast<double>(tokens) / best / 1e9,
      static_cast<double>(tokens) / cpu_seconds.front(),
      static_cast<double>(tokens) / cpu_seconds[cpu_seconds.size() / 2]);
  return 0;
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
  return hawser::Run(flags);
}
