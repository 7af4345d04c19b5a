// Chooses a next token by a model's logits, as Hugging Face transformers does:
// logits are divided by the temperature, then only the top_k most likely tokens
// are kept (Fan et al., 2018), then of these the most likely ones that together
// have probability top_p (Holtzman et al., 2020).
//
// Thread-safe: immutable.
#ifndef HAWSER_WORKER_MODEL_SAMPLER_H_
#define HAWSER_WORKER_MODEL_SAMPLER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace hawser {

struct SamplerSettings {
  double temperature = 1;  // at least 0; 0: always the most likely token
  int64_t top_k = 0;       // at least 0; 0: all
  double top_p = 1;        // in (0, 1]
  uint64_t seed = 0;
};

// INVALID_ARGUMENT: a setting out of its range; the message says which.
absl::Status CheckSettings(const SamplerSettings& settings);

// The token at `position` of a text: a function of these arguments alone. Of
// equally likely tokens the first comes first. logits: not empty.
// FAILED_PRECONDITION: a logit is not a finite number.
absl::StatusOr<int32_t> SampleToken(const SamplerSettings& settings,
                                    uint64_t position,
                                    absl::Span<const float> logits);

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_SAMPLER_H_
