// Writes the model of a checkpoint for others to use.
#ifndef HAWSER_CLIENT_EXPORT_MODEL_EXPORT_H_
#define HAWSER_CLIENT_EXPORT_MODEL_EXPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/checkpoint/checkpoint_reader.h"

namespace hawser {

// One safetensors file with the tensors under Hawser's names. It is replaced if
// it exists.
absl::Status ExportFile(CheckpointReader* checkpoint, const std::string& path);

// A directory for Hugging Face transformers: model.safetensors, config.json and
// the tokenizer (docs/model_directories.md). It appears whole or not at all.
// Returns what there is to say about it: a tokenizer that could not be copied,
// a model that transformers does not have. ALREADY_EXISTS: the target exists.
// data_root: see TokenizerOf.
absl::StatusOr<std::vector<std::string>> ExportDirectory(
    CheckpointReader* checkpoint, const std::string& path,
    const std::string& data_root);

}  // namespace hawser

#endif  // HAWSER_CLIENT_EXPORT_MODEL_EXPORT_H_
