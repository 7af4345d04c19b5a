// hawser eval: how well a trained model does, on the data it was validated on
// or on other text.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/table.h"
#include "client/cli/trained_model.h"
#include "common/job/validation_chunks.h"
#include "common/metrics.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"
#include "worker/backend/thread_pool.h"
#include "worker/data/dataset.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

// Rows of a model without a job that are worth computing at once.
constexpr int64_t kRows = 512;

struct EvalFlags {
  ModelFlags model;
  std::vector<std::string> data;
};

struct Evaluation {
  SampleSums sums;
  int64_t context = 0;  // tokens of a sample; 0: not text
  int64_t bytes = 0;    // of all tokens; 0: not known

  double tokens() const { return static_cast<double>(sums.samples * context); }
  double BitsPerByte() const {
    return sums.MeanLoss() * tokens() / static_cast<double>(bytes) /
           std::log(2.0);
  }
};

absl::StatusOr<DataSpec> DataOf(const EvalFlags& flags,
                                const TrainedModel& trained) {
  if (flags.data.empty()) {
    if (trained.job.has_value()) return trained.job->data();
    return absl::InvalidArgumentError(
        absl::StrCat(trained.description,
                     " has no validation data of its own; name text files "
                     "with --data"));
  }
  if (!trained.model.has_gpt()) {
    return absl::InvalidArgumentError(
        absl::StrCat(trained.description,
                     " is not a language model; --data is text, leave it out "
                     "for the job's validation data"));
  }
  DataSpec data;
  TextSpec* text = data.mutable_text();
  for (const std::string& path : flags.data) {
    const std::string absolute =
        std::filesystem::absolute(path).lexically_normal().string();
    text->add_files(absolute);
    text->add_validation_files(absolute);
  }
  ASSIGN_OR_RETURN(*text->mutable_tokenizer(),
                   TokenizerOf(flags.model, trained));
  return data;
}

// Batches as the worker cuts them, so that the loss is the same to the bit.
int64_t LargestBatch(const TrainedModel& trained) {
  if (trained.job.has_value()) {
    const ScheduleSpec& schedule = trained.job->schedule();
    return schedule.global_batch() / schedule.micro_batches();
  }
  return std::max<int64_t>(1, kRows / trained.model.gpt().context());
}

absl::StatusOr<Evaluation> Evaluate(const CommandLine& line,
                                    const EvalFlags& flags) {
  ASSIGN_OR_RETURN(const TrainedModel trained,
                   LoadTrainedModel(line, flags.model));
  ASSIGN_OR_RETURN(const DataSpec spec, DataOf(flags, trained));
  ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> data,
                   OpenDataset(spec, trained.model, "/"));
  ThreadPool pool(ThreadsOf(flags.model));
  ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                   MakeModel(trained.model, LargestBatch(trained), &pool));
  RETURN_IF_ERROR(model->CheckData(data->shape()));
  CatchInterruptions();
  Evaluation evaluation;
  evaluation.context = data->shape().context;
  evaluation.bytes = data->validation_bytes();
  const int64_t samples = data->validation_samples();
  const auto chunk = static_cast<int64_t>(kValidationChunk);
  Batch batch;
  for (int64_t first = 0; first < samples; first += chunk) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    data->FillValidation(first, std::min(chunk, samples - first), &batch);
    evaluation.sums += model->Evaluate(trained.parameters.data(), batch);
  }
  return evaluation;
}

nlohmann::ordered_json ToJson(const Evaluation& of) {
  nlohmann::ordered_json json = {{"loss", of.sums.MeanLoss()}};
  if (of.context == 0) {
    json["accuracy"] = of.sums.Accuracy();
  } else {
    json["perplexity"] = std::exp(of.sums.MeanLoss());
    if (of.bytes > 0) json["bits_per_byte"] = of.BitsPerByte();
    json["tokens"] = of.sums.samples * of.context;
    if (of.bytes > 0) json["bytes"] = of.bytes;
  }
  json["samples"] = of.sums.samples;
  return json;
}

std::string ToText(const Evaluation& of) {
  Row names = {"loss"};
  Row values = {absl::StrFormat("%.4f", of.sums.MeanLoss())};
  if (of.context == 0) {
    names.push_back("accuracy");
    values.push_back(absl::StrFormat("%.2f %%", 100 * of.sums.Accuracy()));
  } else {
    names.push_back("perplexity");
    values.push_back(absl::StrFormat("%.2f", std::exp(of.sums.MeanLoss())));
    if (of.bytes > 0) {
      names.push_back("bits per byte");
      values.push_back(absl::StrFormat("%.4f", of.BitsPerByte()));
    }
    names.push_back("tokens");
    values.push_back(absl::StrCat(of.sums.samples * of.context));
  }
  names.push_back("samples");
  values.push_back(absl::StrCat(of.sums.samples));
  return Table({names, values});
}

}  // namespace

void AddEvalCommand(CommandLine* line) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "eval", "measure a trained model: loss, perplexity, bits per byte");
  AddModelFlags(verb, &flags->model);
  verb->add_option("--data", flags->data,
                   "text files or directories of them, instead of the job's "
                   "validation data");
  verb->callback([line, flags] {
    RequireModel(flags->model);
    line->verb = [line, flags] {
      const auto evaluation = Evaluate(*line, *flags);
      if (Interrupted()) return static_cast<int>(kInterrupted);
      if (!evaluation.ok()) return static_cast<int>(Fail(evaluation.status()));
      if (line->json()) {
        PrintJson(ToJson(*evaluation));
      } else {
        Print(ToText(*evaluation));
      }
      return static_cast<int>(kDone);
    };
  });
}

}  // namespace hawser
