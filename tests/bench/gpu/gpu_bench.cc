// How fast a GPU computes micro-batches of a GPT, without any cluster:
// tokens/s, the share of the GPU's peak, and how long copies of parameters and
// gradient take beside it.
//
//   bazel run --config=cuda //tests/bench/gpu -- --device cuda:0
//
// See docs/gpu.md. `--device cpu` works anywhere.
#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/status_macros.h"
#include "tests/bench/gpt_workload.h"
#include "tests/bench/spread.h"
#include "worker/device_choice.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

struct Flags {
  std::string device = "cuda:0";
  CudaOptions cuda;
  int batch = 8;
  int rounds = 20;
  double peak_tflops = 989;
  std::string model =
      "vocabulary: 50257 context: 1024 layers: 12 heads: 12 width: 768 "
      "precision: BFLOAT16";
};

// Copies, one after the other, of a vector there and back.
absl::StatusOr<Spread> CopySeconds(Backend* backend, std::vector<float>* vector,
                                   int rounds) {
  const auto bytes = static_cast<int64_t>(vector->size() * sizeof(float));
  const auto pinned = backend->Pin(vector->data(), bytes);
  ASSIGN_OR_RETURN(const BackendMemory memory, backend->Allocate(bytes));
  const Spread seconds = MeasuredBy(WallSeconds, rounds, [&] {
    backend->CopyIn(vector->data(), bytes, memory.get());
    backend->AwaitAll();
    backend->CopyOut(memory.get(), bytes, vector->data());
    backend->AwaitAll();
  });
  RETURN_IF_ERROR(backend->status());
  return seconds;
}

absl::Status Run(const Flags& flags) {
  ASSIGN_OR_RETURN(const BackendFactory factory,
                   BackendFactoryFor(flags.device, flags.cuda));
  ASSIGN_OR_RETURN(GptWorkload workload,
                   GptWorkload::Make(flags.model, flags.batch));
  ThreadPool pool(1);
  ASSIGN_OR_RETURN(std::unique_ptr<Backend> copying, factory(&pool));
  ASSIGN_OR_RETURN(const Spread copies,
                   CopySeconds(copying.get(), &workload.theta, flags.rounds));
  copying.reset();
  ASSIGN_OR_RETURN(std::unique_ptr<Backend> backend, factory(&pool));
  ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                   MakeModel(workload.model, flags.batch, std::move(backend)));
  const auto bytes =
      static_cast<int64_t>(workload.theta.size() * sizeof(float));
  const auto pinned_theta = model->Pin(workload.theta.data(), bytes);
  const auto pinned_gradient = model->Pin(workload.gradient.data(), bytes);
  const auto compute = [&](Parameters parameters) {
    NoObserver everything;
    model->Gradient(parameters, workload.batch, {}, 1, workload.gradient.data(),
                    &everything);
  };
  const Spread first = MeasuredBy(WallSeconds, flags.rounds,
                                  [&] { compute(workload.theta.data()); });
  const Parameters named(workload.theta.data(), model->NewVersion());
  const Spread seconds =
      MeasuredBy(WallSeconds, flags.rounds, [&] { compute(named); });
  RETURN_IF_ERROR(model->status());
  const double operations = workload.Operations();
  std::printf("%s, %d samples\n", flags.device.c_str(), flags.batch);
  PrintSpreadHeader();
  PrintSpread("ms of a step's first micro-batch", Milliseconds(first));
  PrintSpread("ms of each further one", Milliseconds(seconds));
  PrintSpread("tokens/s",
              RateOf(static_cast<double>(workload.tokens()), seconds));
  PrintSpread("TFLOP/s", RateOf(operations / 1e12, seconds));
  PrintSpread("% of the peak",
              RateOf(operations / 1e10 / flags.peak_tflops, seconds));
  PrintSpread("ms of copies there and back, alone", Milliseconds(copies));
  return absl::OkStatus();
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::Flags flags;
  CLI::App app("Times micro-batches of a GPT on a GPU.");
  app.add_option("--device", flags.device, "cpu, or cuda:N");
  app.add_flag("--tf32", flags.cuda.tf32, "products of TF32");
  app.add_flag("!--no-cuda-graphs", flags.cuda.graphs,
               "kernel by kernel instead of CUDA graphs");
  app.add_option("--batch", flags.batch, "samples of the micro-batch");
  app.add_option("--rounds", flags.rounds, "how often");
  app.add_option("--peak-tflops", flags.peak_tflops, "of the device");
  app.add_option("--model", flags.model, "GptSpec, in text format");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = hawser::Run(flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "gpu: %s\n", std::string(status.message()).c_str());
  return 1;
}
