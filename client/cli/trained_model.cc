#include "client/cli/trained_model.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/data_paths.h"
#include "client/cli/tokenizer_directory.h"
#include "common/checkpoint/checkpoint_reader.h"
#include "common/huggingface/model_directory.h"
#include "common/job/job_rules.h"
#include "common/job/model_layout.h"
#include "common/source_directory.h"
#include "common/status_macros.h"
#include "common/tokenizer/make_tokenizer.h"
#include "worker/data/text_dataset.h"

namespace hawser {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::string> LastCheckpointOf(const CommandLine& line,
                                             const std::string& job) {
  GetJobRequest request;
  request.set_name(job);
  ASSIGN_OR_RETURN(const GetJobResponse response,
                   ConnectToScheduler(line)->GetJob(request));
  if (response.status().output().empty()) {
    return absl::NotFoundError(absl::StrCat(
        "job ", job, " has no checkpoint yet; wait for its end, or set ",
        "checkpoint { every_steps } in its job file"));
  }
  return response.status().output();
}

absl::StatusOr<TrainedModel> LoadCheckpoint(const std::string& path,
                                            const ModelFlags& flags) {
  const auto directory = FindCheckpoint(SourceDirectory::Anywhere(path));
  if (absl::IsNotFound(directory.status())) {
    return absl::NotFoundError(absl::StrCat(
        directory.status().message(),
        "; the checkpoint's directory must be reachable from here, or be "
        "named with --from"));
  }
  RETURN_IF_ERROR(directory.status());
  ASSIGN_OR_RETURN(const auto checkpoint, CheckpointReader::Open(*directory));
  const CheckpointManifest& manifest = checkpoint->manifest();
  auto job = CompleteJob(manifest.spec);
  if (!job.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": the manifest's job is damaged, or of another ",
                     "version of Hawser: ", job.status().message()));
  }
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(job->model()));
  if (layout.parameters != manifest.parameters) {
    return absl::DataLossError(absl::StrCat(
        path, " has ", manifest.parameters, " parameters; its job's model has ",
        layout.parameters, ": it is of another version of Hawser"));
  }
  TrainedModel trained;
  trained.parameters.resize(layout.parameters);
  RETURN_IF_ERROR(checkpoint->Read(0, absl::MakeSpan(trained.parameters)));
  trained.description =
      absl::StrCat("job ", manifest.job, " at step ", manifest.step);
  trained.model = job->model();
  MakeDataPathsAbsolute(fs::current_path() / flags.data_root, &*job);
  trained.job = *std::move(job);
  return trained;
}

absl::StatusOr<TrainedModel> LoadModelDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const ModelDirectory directory,
                   ModelDirectory::Open(SourceDirectory::Anywhere(path)));
  TrainedModel trained;
  trained.description = path;
  trained.model = directory.model();
  trained.parameters.resize(directory.layout().parameters);
  RETURN_IF_ERROR(directory.ReadParameters(trained.parameters.data()));
  return trained;
}

absl::StatusOr<TrainedModel> LoadAsItIs(const CommandLine& line,
                                        const ModelFlags& flags) {
  if (!flags.model.empty()) return LoadModelDirectory(flags.model);
  std::string directory = flags.from;
  if (directory.empty()) {
    ASSIGN_OR_RETURN(directory, LastCheckpointOf(line, flags.job));
  }
  return LoadCheckpoint(directory, flags);
}

absl::StatusOr<TokenizerSpec> TokenizerNamed(const std::string& name) {
  TokenizerSpec spec;
  if (name == "bytes") {
    spec.mutable_bytes();
    return spec;
  }
  const fs::path path = fs::absolute(name).lexically_normal();
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return TokenizerInDirectory(path);
  if (path.extension() == ".json") {
    spec.set_tokenizer_json(path.string());
  } else if (path.extension() == ".model") {
    spec.set_sentencepiece(path.string());
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tokenizer is ", name, "; it must be a tokenizer.json, a ",
        "sentencepiece .model, a directory with either or with vocab.json and ",
        "merges.txt, or \"bytes\""));
  }
  return spec;
}

}  // namespace

void AddModelFlags(CLI::App* verb, ModelFlags* flags) {
  auto* job = verb->add_option("--job", flags->job,
                               "the model of this job's last checkpoint");
  auto* from = verb->add_option("--from", flags->from,
                                "the model in this checkpoint directory, or "
                                "in the newest inside it");
  auto* model = verb->add_option(
      "--model", flags->model,
      "the model in this directory, as Hugging Face or `hawser export` "
      "writes it");
  job->excludes(from);
  job->excludes(model);
  from->excludes(model);
  verb->add_option("--data-root", flags->data_root,
                   "the job's data and tokenizer are below this directory "
                   "(default: they are found from the current directory)");
  verb->add_option("--tokenizer", flags->tokenizer,
                   "instead of the job's or the model directory's: a "
                   "tokenizer.json, a sentencepiece .model, a directory with "
                   "one, or \"bytes\"");
  verb->add_option("--precision", flags->precision,
                   "of products, instead of the job's (a model directory's: "
                   "float32)")
      ->check(CLI::IsMember({"float32", "bfloat16"}));
  verb->add_option("--threads", flags->threads,
                   "compute threads (0: as many as there are cores)")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
}

void RequireModel(const ModelFlags& flags) {
  if (flags.job.empty() && flags.from.empty() && flags.model.empty()) {
    throw CLI::RequiredError("--job, --from or --model");
  }
}

int ThreadsOf(const ModelFlags& flags) {
  if (flags.threads > 0) return flags.threads;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1,
                    1024);
}

absl::StatusOr<TrainedModel> LoadTrainedModel(const CommandLine& line,
                                              const ModelFlags& flags) {
  ASSIGN_OR_RETURN(TrainedModel trained, LoadAsItIs(line, flags));
  if (trained.model.has_gpt() && !flags.precision.empty()) {
    trained.model.mutable_gpt()->set_precision(
        flags.precision == "bfloat16" ? BFLOAT16 : FLOAT32);
  }
  return trained;
}

absl::StatusOr<TokenizerSpec> TokenizerOf(const ModelFlags& flags,
                                          const TrainedModel& trained) {
  if (!flags.tokenizer.empty()) return TokenizerNamed(flags.tokenizer);
  if (!trained.job.has_value()) {
    return TokenizerInDirectory(fs::absolute(flags.model).lexically_normal());
  }
  const DataSpec& data = trained.job->data();
  if (data.has_text()) return data.text().tokenizer();
  if (data.tokens().has_tokenizer()) return data.tokens().tokenizer();
  return absl::InvalidArgumentError(
      absl::StrCat(trained.description,
                   " was trained on ready tokens and does not say what made "
                   "them; name it with --tokenizer"));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(
    const ModelFlags& flags, const TrainedModel& trained) {
  ASSIGN_OR_RETURN(const TokenizerSpec spec, TokenizerOf(flags, trained));
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer,
                   MakeTokenizer(spec, "/"));
  RETURN_IF_ERROR(CheckTokenizer(*tokenizer, trained.model.gpt()));
  return tokenizer;
}

}  // namespace hawser
