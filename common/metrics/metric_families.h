// The figures of one scrape, in the format that Prometheus reads: what each
// component says of itself when it is asked. docs/metrics.md lists them all.
//
//   MetricFamilies families;
//   families.Counter("hawser_server_pushes_total", "Pushes taken.", 12);
//   families.Gauge("hawser_job_step", "Steps.", 7, {{"job_name", "mnist"}});
//   families.Text()
//
// Names begin with hawser_, units are seconds and bytes, counters end in
// _total. Labels are of a bounded set: never put a user's text into one but a
// job's name, of at most kMaxJobs jobs. That label is `job_name`: Prometheus
// gives each series a label `job` of its own.
//
// Not thread-safe.
#ifndef HAWSER_COMMON_METRICS_METRIC_FAMILIES_H_
#define HAWSER_COMMON_METRICS_METRIC_FAMILIES_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/metrics/histogram.h"
#include "prometheus/metric_family.h"

namespace hawser {

// What Text() is.
inline constexpr char kMetricsContentType[] =
    "text/plain; version=0.0.4; charset=utf-8";

class MetricFamilies {
 public:
  // Most jobs of which a daemon tells figures; the others are counted.
  static constexpr size_t kMaxJobs = 100;

  using Labels = std::vector<std::pair<std::string, std::string>>;

  // The same name has the same help and type each time, and other labels.
  void Counter(std::string_view name, std::string_view help, double value,
               const Labels& labels = {});
  void Gauge(std::string_view name, std::string_view help, double value,
             const Labels& labels = {});
  void Histogram(std::string_view name, std::string_view help,
                 const HistogramValues& values, const Labels& labels = {});

  // In the order in which names came.
  std::string Text() const;

 private:
  prometheus::ClientMetric& Add(std::string_view name, std::string_view help,
                                prometheus::MetricType type,
                                const Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, size_t, std::less<>> by_name_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_METRICS_METRIC_FAMILIES_H_
