// What a benchmark's rows measure and how they are shown: gigabytes per second,
// CPU seconds per gigabyte, milliseconds an operation, and the ratio to another
// row of the same round.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_FIGURES_H_
#define HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_FIGURES_H_

#include <sys/types.h>
#include <time.h>

#include <functional>
#include <string>
#include <vector>

namespace hawser {

double MonotonicSeconds();
double ProcessSeconds();  // CPU time of this process

// CPU time of this process and of another one together.
class ProcessorTime {
 public:
  explicit ProcessorTime(pid_t other);
  double Seconds() const;

 private:
  clockid_t other_;
};

// Work of a row within one round, added up.
struct Work {
  double seconds = 0;
  double cpu_seconds = 0;
  double bytes = 0;
  int operations = 0;

  double GigabytesPerSecond() const { return bytes / seconds / 1e9; }
};

// Repeats an operation of `bytes` until it has run for `seconds`, and measures
// it alone: what `prepare` does before each is not counted.
Work Repeat(
    double seconds, double bytes, const ProcessorTime& processor,
    const std::function<void()>& operation,
    const std::function<void()>& prepare = [] {});

struct Row {
  std::string name;
  std::function<Work(double seconds)> measure;
  // The rows it is compared with, by name: of each list the fastest one in the
  // median.
  std::vector<std::vector<std::string>> anchors;
  std::vector<Work> rounds = {};
};

// Measures the rows one after the other, and again, `rounds` times: what else
// the machine does meanwhile falls on all of them.
void Measure(std::vector<Row>* rows, int rounds, double seconds);

void PrintTable(const std::vector<Row>& rows);

}  // namespace hawser

#endif  // HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_FIGURES_H_
