#include "worker/model/sampler.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/counter_random.h"

namespace hawser {
namespace {

struct Candidate {
  int32_t token;
  float logit;
  double weight = 0;  // its probability, up to a factor
};

bool IsMoreLikely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

std::vector<Candidate> MostLikely(absl::Span<const float> logits,
                                  int64_t top_k) {
  std::vector<Candidate> candidates;
  candidates.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    candidates.push_back({static_cast<int32_t>(i), logits[i]});
  }
  if (top_k > 0 && top_k < static_cast<int64_t>(candidates.size())) {
    std::nth_element(candidates.begin(), candidates.begin() + top_k,
                     candidates.end(), IsMoreLikely);
    candidates.resize(static_cast<size_t>(top_k));
  }
  return candidates;
}

double TotalOf(const std::vector<Candidate>& candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  return total;
}

// Drops all but the most likely ones that reach the share.
void KeepShare(double share, std::vector<Candidate>* candidates) {
  std::sort(candidates->begin(), candidates->end(), IsMoreLikely);
  const double wanted = share * TotalOf(*candidates);
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates->size() && (kept == 0 || sum < wanted)) {
    sum += (*candidates)[kept++].weight;
  }
  candidates->resize(kept);
}

// Uniform in [0, 1).
double UniformAt(uint64_t seed, uint64_t position) {
  const auto words =
      CounterRandom(seed, RandomPurpose::kSampledToken).Words(position);
  const uint64_t bits = (uint64_t{words[0]} << 32 | words[1]) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace

absl::Status CheckSettings(const SamplerSettings& settings) {
  if (!(settings.temperature >= 0) || !std::isfinite(settings.temperature)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the temperature is ", settings.temperature,
        "; it must be a finite number of at least 0, where 0 always takes the "
        "most likely token"));
  }
  if (settings.top_k < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("top-k is ", settings.top_k,
                     "; it must be at least 0, where 0 keeps all tokens"));
  }
  if (!(settings.top_p > 0 && settings.top_p <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("top-p is ", settings.top_p,
                     "; it must be above 0 and at most 1, where 1 keeps all "
                     "tokens"));
  }
  return absl::OkStatus();
}

absl::StatusOr<int32_t> SampleToken(const SamplerSettings& settings,
                                    uint64_t position,
                                    absl::Span<const float> logits) {
  if (!std::all_of(logits.begin(), logits.end(),
                   [](float logit) { return std::isfinite(logit); })) {
    return absl::FailedPreconditionError(
        "the model's output is not finite: its parameters are damaged, or its "
        "training diverged; try an earlier checkpoint, or train with a "
        "smaller learning rate");
  }
  // Ties go to the first.
  const auto best = std::max_element(logits.begin(), logits.end());
  if (settings.temperature == 0) {
    return static_cast<int32_t>(best - logits.begin());
  }
  std::vector<Candidate> candidates = MostLikely(logits, settings.top_k);
  for (Candidate& candidate : candidates) {
    candidate.weight = std::exp((double{candidate.logit} - double{*best}) /
                                settings.temperature);
  }
  if (settings.top_p < 1) KeepShare(settings.top_p, &candidates);
  double left = UniformAt(settings.seed, position) * TotalOf(candidates);
  for (const Candidate& candidate : candidates) {
    left -= candidate.weight;
    if (left < 0) return candidate.token;
  }
  return candidates.back().token;  // by rounding
}

}  // namespace hawser
