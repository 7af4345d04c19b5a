// How fast a GPU computes micro-batches of a GPT, without any cluster:
// tokens/s, the share of the GPU's peak, and how long copies of parameters and
// gradient take beside it.
//
//   bazel run --config=cuda //tests/bench/gpu -- --device cuda:0
//
// See docs/gpu.md. `--device cpu` works anywhere.
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

// Median seconds of so many runs, after two that do not count.
template <typename Work>
double MedianSeconds(int rounds, Work work) {
  std::vector<double> seconds;
  for (int round = 0; round < rounds + 2; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took =
        std::chrono::steady_clock::now() - start;
    if (round >= 2) seconds.push_back(took.count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

// Copies, one after the other, of a vector there and back.
double CopySeconds(Backend* backend, std::vector<float>* vector, int rounds) {
  const auto bytes = static_cast<int64_t>(vector->size() * sizeof(float));
  auto memory = backend->Allocate(bytes);
  CHECK(memory.ok()) << memory.status();
  return MedianSeconds(rounds, [&] {
    backend->CopyIn(vector->data(), bytes, memory->get());
    backend->AwaitAll();
    backend->CopyOut(memory->get(), bytes, vector->data());
    backend->AwaitAll();
  });
}

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
  const auto factory = BackendFactoryFor(flags.device, flags.cuda);
  CHECK(factory.ok()) << factory.status();
  ThreadPool pool(1);
  auto backend = (*factory)(&pool);
  CHECK(backend.ok()) << backend.status();
  const auto made =
      MakeModel(complete->model(), flags.batch, *std::move(backend));
  CHECK(made.ok()) << made.status();
  Model* model = made->get();
  std::vector<float> theta(layout->parameters), gradient(theta.size());
  for (size_t n = 0; n < layout->tensors.size(); ++n) {
    const TensorShape& tensor = layout->tensors[n];
    uint64_t elements = 1;
    for (const uint64_t d : tensor.dimensions()) elements *= d;
    FillInitialValues(tensor, static_cast<uint32_t>(n), 0, 0, elements,
                      theta.data() + tensor.offset());
  }
  const auto bytes = static_cast<int64_t>(theta.size() * sizeof(float));
  const auto pinned_theta = model->Pin(theta.data(), bytes);
  const auto pinned_gradient = model->Pin(gradient.data(), bytes);
  Batch batch;
  batch.samples = flags.batch;
  const int64_t tokens = flags.batch * int64_t{gpt.context()};
  for (int64_t i = 0; i < tokens; ++i) {
    batch.tokens.push_back(static_cast<int32_t>(i * 37 % gpt.vocabulary()));
    batch.labels.push_back(static_cast<int32_t>(i * 41 % gpt.vocabulary()));
  }
  const double step = MedianSeconds(flags.rounds, [&] {
    NoObserver everything;
    model->Gradient(theta.data(), batch, {}, 1, gradient.data(), &everything);
  });
  CHECK(model->status().ok()) << model->status();
  auto copying = (*factory)(&pool);
  CHECK(copying.ok()) << copying.status();
  const auto pinned = (*copying)->Pin(theta.data(), bytes);
  const double copies = CopySeconds(copying->get(), &theta, flags.rounds);
  // Six operations a token and parameter, and those of attention.
  const double operations = 6.0 * static_cast<double>(theta.size()) +
                            6.0 * gpt.layers() * gpt.context() * gpt.width();
  const double rate = static_cast<double>(tokens) / step;
  std::printf(
      "%s, %d samples: %.1f ms a step, %.0f tokens/s, %.1f TFLOP/s, %.1f %% "
      "of the peak; copies alone take %.1f ms, %.0f %% of a step\n",
      flags.device.c_str(), flags.batch, 1e3 * step, rate,
      rate * operations / 1e12, rate * operations / 1e10 / flags.peak_tflops,
      1e3 * copies, 100 * copies / step);
  return 0;
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::Flags flags;
  CLI::App app("Times micro-batches of a GPT on a GPU.");
  app.add_option("--device", flags.device, "cpu, or cuda:N");
  app.add_flag("--tf32", flags.cuda.tf32, "products of TF32");
  app.add_option("--batch", flags.batch, "samples of the micro-batch");
  app.add_option("--rounds", flags.rounds, "how often");
  app.add_option("--peak-tflops", flags.peak_tflops, "of the device");
  app.add_option("--model", flags.model, "GptSpec, in text format");
  CLI11_PARSE(app, argc, argv);
  return hawser::Run(flags);
}
