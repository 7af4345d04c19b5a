// hawser eval: how well a trained model does, on the data it was validated on
// or on other text.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/cli/command_line.h"
#include "client/cli/describe.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/trained_model.h"
#include "common/job/figures.h"
#include "common/job/validation_chunks.h"
#include "common/metrics.h"
#include "common/metrics_proto.h"
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
  Figures figures;
  int64_t tokens = 0;  // 0: no text
  int64_t bytes = 0;   // of these tokens; 0: not known
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
  SampleSums sums;
  const int64_t samples = data->validation_samples();
  const auto chunk = static_cast<int64_t>(kValidationChunk);
  Batch batch;
  for (int64_t first = 0; first < samples; first += chunk) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    data->FillValidation(first, std::min(chunk, samples - first), &batch);
    sums += model->Evaluate(trained.parameters.data(), batch);
  }
  const int64_t bytes = data->validation_bytes();
  return Evaluation{ValidationFigures(ToProto(sums), trained.model,
                                      static_cast<uint64_t>(bytes)),
                    samples * data->shape().context, bytes};
}

nlohmann::ordered_json ToJson(const Evaluation& evaluation) {
  nlohmann::ordered_json json = ToJson(evaluation.figures);
  if (evaluation.tokens > 0) json["tokens"] = evaluation.tokens;
  if (evaluation.bytes > 0) json["bytes"] = evaluation.bytes;
  return json;
}

std::string ToText(const Evaluation& evaluation) {
  std::vector<std::string> texts = FigureTexts(evaluation.figures, "");
  texts.push_back(absl::StrCat("samples ", evaluation.figures.samples));
  if (evaluation.tokens > 0) {
    texts.push_back(absl::StrCat("tokens ", evaluation.tokens));
  }
  if (evaluation.bytes > 0) {
    texts.push_back(absl::StrCat("bytes ", evaluation.bytes));
  }
  std::string lines;
  for (const std::string& text : texts) {
    const std::pair<std::string, std::string> part =
        absl::StrSplit(text, absl::MaxSplits(' ', 1));
    absl::StrAppendFormat(&lines, "%-12s%s\n", part.first, part.second);
  }
  return lines;
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
