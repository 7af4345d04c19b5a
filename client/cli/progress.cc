#include "client/cli/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/describe.h"
#include "common/metrics_proto.h"

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

std::string RateText(double rate) {
  if (rate >= 1e6) return absl::StrFormat("%.2fM samples/s", rate / 1e6);
  if (rate >= 1e4) return absl::StrFormat("%.1fk samples/s", rate / 1e3);
  return absl::StrFormat("%.0f samples/s", rate);
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
    absl::StrAppend(&line, "  ", RateText(job.samples_per_second()));
  }
  if (job.has_last_training()) {
    const SampleSums training = FromProto(job.last_training());
    absl::StrAppendFormat(&line, "  loss %.4f  accuracy %.2f %%",
                          training.MeanLoss(), 100 * training.Accuracy());
  }
  if (job.seconds_left() > 0) {
    absl::StrAppend(&line, "  left ", DurationText(job.seconds_left()));
  }
  if (!job.reason().empty()) absl::StrAppend(&line, "  ", job.reason());
  return line;
}

std::string EpochLine(const EpochMetrics& epoch, uint64_t epochs) {
  const SampleSums training = FromProto(epoch.training());
  std::string line =
      absl::StrFormat("epoch %d/%d  loss %.4f  accuracy %.2f %%", epoch.epoch(),
                      epochs, training.MeanLoss(), 100 * training.Accuracy());
  if (epoch.has_validation()) {
    const SampleSums validation = FromProto(epoch.validation());
    absl::StrAppendFormat(&line,
                          "  validation loss %.4f  validation accuracy %.2f %%",
                          validation.MeanLoss(), 100 * validation.Accuracy());
  }
  absl::StrAppend(&line, "  ", DurationText(epoch.seconds()));
  return line;
}

std::string Summary(const JobStatus& job) {
  std::string text =
      absl::StrCat("job ", job.name(), " ", StateName(job.state()),
                   job.reason().empty() ? "" : ": ", job.reason(), "\n");
  if (job.last_epoch().has_validation()) {
    const SampleSums validation = FromProto(job.last_epoch().validation());
    absl::StrAppendFormat(
        &text, "validation loss      %.4f\nvalidation accuracy  %.2f %%\n",
        validation.MeanLoss(), 100 * validation.Accuracy());
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
    PrintLine(EpochLine(epoch, job.epochs()));
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
