#include "common/job/figures.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/metrics_proto.h"

namespace hawser {

Figures TrainingFigures(const Metrics& metrics, const ModelSpec& model) {
  const SampleSums sums = FromProto(metrics);
  Figures figures;
  figures.samples = sums.samples;
  figures.loss = sums.MeanLoss();
  if (!model.has_gpt()) figures.accuracy = sums.Accuracy();
  return figures;
}

Figures ValidationFigures(const Metrics& metrics, const ModelSpec& model,
                          uint64_t validation_bytes) {
  Figures figures = TrainingFigures(metrics, model);
  if (!model.has_gpt()) return figures;
  figures.perplexity = std::exp(figures.loss);
  if (validation_bytes != 0) {
    const double tokens = static_cast<double>(metrics.samples()) *
                          static_cast<double>(TokensPerSample(model));
    figures.bits_per_byte = figures.loss / std::log(2.0) * tokens /
                            static_cast<double>(validation_bytes);
  }
  return figures;
}

std::vector<std::string> FigureTexts(const Figures& figures,
                                     const std::string& prefix) {
  std::vector<std::string> texts;
  const auto add = [&](const std::string& text) {
    texts.push_back(absl::StrCat(prefix, text));
  };
  add(absl::StrFormat("loss %.4f", figures.loss));
  if (figures.accuracy.has_value()) {
    add(absl::StrFormat("accuracy %.2f %%", 100 * *figures.accuracy));
  }
  if (figures.perplexity.has_value()) {
    add(absl::StrFormat("perplexity %.4g", *figures.perplexity));
  }
  if (figures.bits_per_byte.has_value()) {
    add(absl::StrFormat("bits/byte %.4f", *figures.bits_per_byte));
  }
  return texts;
}

uint64_t TokensPerSample(const ModelSpec& model) {
  return model.has_gpt() ? model.gpt().context() : 1;
}

}  // namespace hawser
