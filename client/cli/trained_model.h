// The model that a verb computes with: of a job's last checkpoint, of a
// checkpoint's directory, or of a model directory (docs/model_directories.md).
#ifndef HAWSER_CLIENT_CLI_TRAINED_MODEL_H_
#define HAWSER_CLIENT_CLI_TRAINED_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command_line.h"
#include "common/tokenizer/tokenizer.h"
#include "proto/job.pb.h"

namespace hawser {

struct ModelFlags {
  std::string job;
  std::string from;
  std::string model;
  std::string data_root;
  std::string tokenizer;
  std::string precision;
  int threads = 0;
};

// --job, --from, --model, --data-root, --tokenizer, --precision, --threads.
void AddModelFlags(CLI::App* verb, ModelFlags* flags);

// Throws CLI::RequiredError unless a model is named.
void RequireModel(const ModelFlags& flags);

// --threads, or as many as this process may run at once.
int ThreadsOf(const ModelFlags& flags);

struct TrainedModel {
  std::string description;  // "job shakespeare at step 2000", for messages
  ModelSpec model;          // completed
  std::vector<float> parameters;
  std::optional<JobSpec> job;  // of checkpoints; its data paths are absolute
};

// NOT_FOUND: no such job, or it has no checkpoint yet; no such directory.
// UNAVAILABLE: no scheduler. DATA_LOSS: a file is damaged.
absl::StatusOr<TrainedModel> LoadTrainedModel(const CommandLine& line,
                                              const ModelFlags& flags);

// What reads this model's tokens: that of --tokenizer, of the job or in the
// model directory. NOT_FOUND, INVALID_ARGUMENT: there is none, or it has
// tokens that the model does not have.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(
    const ModelFlags& flags, const TrainedModel& trained);

// The same as a spec with absolute paths.
absl::StatusOr<TokenizerSpec> TokenizerOf(const ModelFlags& flags,
                                          const TrainedModel& trained);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_TRAINED_MODEL_H_
