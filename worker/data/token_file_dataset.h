// Files of ready tokens as samples (docs/text_data.md). They are mapped, looked
// through once for tokens that the model does not have, and then read where
// samples are.
#ifndef HAWSER_WORKER_DATA_TOKEN_FILE_DATASET_H_
#define HAWSER_WORKER_DATA_TOKEN_FILE_DATASET_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Dataset>> OpenTokenFileDataset(
    const TokensSpec& spec, const GptSpec& model, const std::string& data_root);

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_TOKEN_FILE_DATASET_H_
