#include "tests/bench/data_plane_bench_figures.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"

namespace hawser {
namespace {

double Read(clockid_t clock) {
  timespec time = {};
  PCHECK(clock_gettime(clock, &time) == 0);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

// Operations of each row before the first that is measured.
constexpr int kUnmeasured = 8;

using Figure = double (*)(const Work&);

double Cpu(const Work& work) { return work.cpu_seconds / (work.bytes / 1e9); }
double Milliseconds(const Work& work) {
  return 1e3 * work.seconds / work.operations;
}
double Speed(const Work& work) { return work.GigabytesPerSecond(); }

std::vector<double> Sorted(const std::vector<Work>& rounds, Figure figure) {
  std::vector<double> values;
  for (const Work& work : rounds) values.push_back(figure(work));
  std::sort(values.begin(), values.end());
  return values;
}

double Median(const std::vector<double>& sorted) {
  return sorted[sorted.size() / 2];
}

std::string ThreeOf(const std::vector<double>& sorted, int digits) {
  return absl::StrFormat("%.*f / %.*f / %.*f", digits, sorted.front(), digits,
                         Median(sorted), digits, sorted.back());
}

const Row* Fastest(const std::vector<std::string>& names,
                   const std::vector<Row>& rows) {
  const Row* fastest = nullptr;
  double best = 0;
  for (const Row& row : rows) {
    if (std::find(names.begin(), names.end(), row.name) == names.end()) {
      continue;
    }
    const double speed = Median(Sorted(row.rounds, Speed));
    if (speed > best) {
      best = speed;
      fastest = &row;
    }
  }
  return fastest;
}

std::string Ratios(const Row& row, const std::vector<Row>& rows) {
  std::vector<std::string> all;
  for (const std::vector<std::string>& names : row.anchors) {
    const Row* anchor = Fastest(names, rows);
    if (anchor == nullptr) continue;
    std::vector<double> ratios;
    for (size_t i = 0; i < row.rounds.size(); ++i) {
      ratios.push_back(Speed(row.rounds[i]) / Speed(anchor->rounds[i]));
    }
    std::sort(ratios.begin(), ratios.end());
    all.push_back(absl::StrCat(ThreeOf(ratios, 2), " of ", anchor->name));
  }
  return absl::StrJoin(all, "; ");
}

}  // namespace

double MonotonicSeconds() { return Read(CLOCK_MONOTONIC); }
double ProcessSeconds() { return Read(CLOCK_PROCESS_CPUTIME_ID); }

ProcessorTime::ProcessorTime(pid_t other) {
  CHECK_EQ(clock_getcpuclockid(other, &other_), 0);
}

double ProcessorTime::Seconds() const {
  return ProcessSeconds() + Read(other_);
}

Work Repeat(double seconds, double bytes, const ProcessorTime& processor,
            const std::function<void()>& operation,
            const std::function<void()>& prepare) {
  Work work;
  while (work.seconds < seconds) {
    prepare();
    const double cpu_before = processor.Seconds();
    const double before = MonotonicSeconds();
    operation();
    work.seconds += MonotonicSeconds() - before;
    work.cpu_seconds += processor.Seconds() - cpu_before;
    work.bytes += bytes;
    ++work.operations;
  }
  return work;
}

void Measure(std::vector<Row>* rows, int rounds, double seconds) {
  // Connections are made, and memory is written for the first time.
  for (Row& row : *rows) {
    for (int done = 0; done < kUnmeasured;) {
      done += row.measure(seconds).operations;
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (Row& row : *rows) row.rounds.push_back(row.measure(seconds));
  }
}

void PrintTable(const std::vector<Row>& rows) {
  std::printf("each figure: min / median / max over the rounds\n");
  std::printf("%-48s %-24s %-26s %-24s %s\n", "row", "GB/s", "CPU seconds a GB",
              "ms an operation", "times its anchors");
  for (const Row& row : rows) {
    std::printf("%-48s %-24s %-26s %-24s %s\n", row.name.c_str(),
                ThreeOf(Sorted(row.rounds, Speed), 2).c_str(),
                ThreeOf(Sorted(row.rounds, Cpu), 3).c_str(),
                ThreeOf(Sorted(row.rounds, Milliseconds), 3).c_str(),
                Ratios(row, rows).c_str());
  }
}

}  // namespace hawser
