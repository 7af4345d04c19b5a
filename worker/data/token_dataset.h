// Runs of tokens as samples, whatever the tokens come from.
//
// A sample is `context` tokens and, as labels, the token after each. Training
// on n tokens has N = (n - 1) / context samples; in every epoch the runs follow
// one another from a start in [0, context) that is a function of (seed, epoch):
//
//   position i reads from min(start + i * context, n - 1 - context) on
//
// so that an epoch sees all but at most context tokens, and different epochs
// cut the text in different places. Validation runs are at i * context. The
// class of a sample is the file in which its run begins when the start is 0.
#ifndef HAWSER_WORKER_DATA_TOKEN_DATASET_H_
#define HAWSER_WORKER_DATA_TOKEN_DATASET_H_

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "worker/data/dataset.h"
#include "worker/data/token_stream.h"

namespace hawser {

struct TokenDatasetShape {
  int64_t context = 0;
  int64_t vocabulary = 0;
  // Of the tokens to train on, how many at the end are for validation instead;
  // only without tokens to validate on.
  double validation_share = 0;
};

// The bytes of text that a token stands for.
using BytesOfToken = absl::FunctionRef<int64_t(int32_t)>;

// validation: null: a share of the training tokens. bytes_of: null: not known.
// INVALID_ARGUMENT: a part has fewer than context + 1 tokens; the message says
// how many there are and how many it takes.
absl::StatusOr<std::unique_ptr<Dataset>> MakeTokenDataset(
    std::shared_ptr<const TokenStream> training,
    std::shared_ptr<const TokenStream> validation,
    const TokenDatasetShape& shape, const BytesOfToken* bytes_of);

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_TOKEN_DATASET_H_
