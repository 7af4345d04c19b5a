// What the sums of a job's metrics say: the loss, and with it the accuracy of a
// model that tells classes apart, or the perplexity and the bits per byte of
// one that predicts tokens.
//
// Pure functions.
#ifndef HAWSER_COMMON_JOB_FIGURES_H_
#define HAWSER_COMMON_JOB_FIGURES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/job.pb.h"
#include "proto/scheduler.pb.h"

namespace hawser {

struct Figures {
  int64_t samples = 0;
  double loss = 0;                 // nats a sample; of text, nats a token
  std::optional<double> accuracy;  // share of samples; not of text
  // Of validation text: e^loss, and loss / ln 2 * tokens / bytes of text, which
  // does not depend on the tokenizer. The bytes may not be known.
  std::optional<double> perplexity;
  std::optional<double> bits_per_byte;
};

Figures TrainingFigures(const Metrics& metrics, const ModelSpec& model);
// validation_bytes: of text that the validation labels stand for; 0: unknown.
Figures ValidationFigures(const Metrics& metrics, const ModelSpec& model,
                          uint64_t validation_bytes);

// "loss 0.0500", "accuracy 95.00 %", each after the prefix ("validation ").
std::vector<std::string> FigureTexts(const Figures& figures,
                                     const std::string& prefix);

// Tokens of a sample; 1 where samples are no text.
uint64_t TokensPerSample(const ModelSpec& model);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_FIGURES_H_
