#include "client/cli/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/describe.h"
#include "common/job/figures.h"

namespace hawser {
namespace {

constexpr int kBarCells = 24;
constexpr absl::Duration kPlainPeriod = absl::Seconds(5);

std::string Bar(double share) {
  const int full =
      std::clamp(static_cast<int>(share * kBarCells + 0.5), 0, kBarCells);
  return absl::StrCat("[", std::string(static_cast<size_t>(full), '#'),
                      std::string(static_cast<size_t>(kBarCells - full), '-'),
                      "]");
}

std::string TrainingText(const Metrics& metrics, const JobStatus& job) {
  return absl::StrJoin(
      FigureTexts(TrainingFigures(metrics, job.spec().model()), ""), "  ");
}

Figures ValidationOf(const EpochMetrics& epoch, const JobStatus& job) {
  return ValidationFigures(epoch.validation(), job.spec().model(),
                           job.validation_bytes());
}

}  // namespace

std::string ProgressLine(const JobStatus& job) {
  if (job.state() == QUEUED || job.state() == STARTING) {
    return absl::StrCat(StateName(job.state()),
                        job.reason().empty() ? "" : ": ", job.reason());
  }
  const double share = job.total_steps() == 0
                           ? 0
                           : static_cast<double>(job.step()) /
                                 static_cast<double>(job.total_steps());
  std::string line = absl::StrFormat("epoch %d/%d %s %3.0f %%",
                                     std::min(job.epoch() + 1, job.epochs()),
                                     job.epochs(), Bar(share), 100 * share);
  if (job.samples_per_second() > 0) {
    absl::StrAppend(&line, "  ", SpeedText(job));
  }
  if (job.has_last_training()) {
    absl::StrAppend(&line, "  ", TrainingText(job.last_training(), job));
  }
  if (job.seconds_left() > 0) {
    absl::StrAppend(&line, "  left ", DurationText(job.seconds_left()));
  }
  if (!job.reason().empty()) absl::StrAppend(&line, "  ", job.reason());
  return line;
}

std::string EpochLine(const EpochMetrics& epoch, const JobStatus& job) {
  std::string line = absl::StrCat("epoch ", epoch.epoch(), "/", job.epochs(),
                                  "  ", TrainingText(epoch.training(), job));
  if (epoch.has_validation()) {
    absl::StrAppend(
        &line, "  ",
        absl::StrJoin(FigureTexts(ValidationOf(epoch, job), "validation "),
                      "  "));
  }
  absl::StrAppend(&line, "  ", DurationText(epoch.seconds()));
  return line;
}

std::string Summary(const JobStatus& job) {
  std::string text =
      absl::StrCat("job ", job.name(), " ", StateName(job.state()),
                   job.reason().empty() ? "" : ": ", job.reason(), "\n");
  if (job.last_epoch().has_validation()) {
    const Figures figures = ValidationOf(job.last_epoch(), job);
    const auto line = [&text](const char* name, const std::string& value) {
      absl::StrAppendFormat(&text, "%-21s%s\n", name, value);
    };
    line("validation loss", absl::StrFormat("%.4f", figures.loss));
    if (figures.accuracy.has_value()) {
      line("validation accuracy",
           absl::StrFormat("%.2f %%", 100 * *figures.accuracy));
    }
    if (figures.perplexity.has_value()) {
      line("perplexity", absl::StrFormat("%.4g", *figures.perplexity));
    }
    if (figures.bits_per_byte.has_value()) {
      line("bits per byte", absl::StrFormat("%.4f", *figures.bits_per_byte));
    }
  }
  if (job.has_validation_before()) {
    const Figures before = ValidationFigures(
        job.validation_before(), job.spec().model(), job.validation_bytes());
    absl::StrAppendFormat(&text, "%-21s%s\n", "before, validation",
                          absl::StrJoin(FigureTexts(before, ""), "  "));
  }
  if (!job.output().empty()) {
    absl::StrAppend(&text, "checkpoint           ", job.output(), "\n");
  }
  if (!job.parameters_sha256().empty()) {
    absl::StrAppend(&text, "parameters sha256    ", job.parameters_sha256(),
                    "\n");
  }
  if (job.seconds_running() > 0) {
    absl::StrAppend(&text, "trained for          ",
                    DurationText(job.seconds_running()), "\n");
  }
  return text;
}

Progress::Progress(std::FILE* stream, bool live)
    : stream_(stream), live_(live) {}

Progress::~Progress() { ClearLive(); }

void Progress::ClearLive() {
  if (!live_shown_) return;
  std::fputs("\r\033[K", stream_);
  std::fflush(stream_);
  live_shown_ = false;
}

void Progress::PrintLine(const std::string& line) {
  ClearLive();
  std::fprintf(stream_, "%s\n", line.c_str());
  std::fflush(stream_);
}

void Progress::Show(const JobStatus& job, absl::Time now) {
  for (const EpochMetrics& epoch : job.epochs_done()) {
    if (epoch.epoch() <= epochs_shown_) continue;
    PrintLine(EpochLine(epoch, job));
    epochs_shown_ = epoch.epoch();
    last_line_ = now;
  }
  if (IsFinal(job.state())) return;
  if (live_) {
    std::fprintf(stream_, "\r%s\033[K", ProgressLine(job).c_str());
    std::fflush(stream_);
    live_shown_ = true;
    return;
  }
  // The first line comes after a period, too: most waits are over before.
  if (last_line_ == absl::InfinitePast()) last_line_ = now;
  if (now < last_line_ + kPlainPeriod) return;
  PrintLine(ProgressLine(job));
  last_line_ = now;
}

}  // namespace hawser
