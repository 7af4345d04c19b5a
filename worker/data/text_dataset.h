// Text files as samples of tokens (docs/text_data.md).
//
// With bytes as tokens, the files are mapped and read where samples are.
// Otherwise a file is mapped, tokenized in pieces when it is opened, and its
// tokens are kept in memory, 2 bytes each, or 4 with a vocabulary beyond 65536.
#ifndef HAWSER_WORKER_DATA_TEXT_DATASET_H_
#define HAWSER_WORKER_DATA_TEXT_DATASET_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/tokenizer/tokenizer.h"
#include "worker/data/dataset.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Dataset>> OpenTextDataset(
    const TextSpec& spec, const GptSpec& model, const std::string& data_root);

// INVALID_ARGUMENT: the tokenizer has tokens that the model does not have.
absl::Status CheckTokenizer(const Tokenizer& tokenizer, const GptSpec& model);

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_TEXT_DATASET_H_
