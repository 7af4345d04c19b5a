#include "common/metrics/metric_families.h"

#include <limits>

#include "absl/strings/match.h"
#include "glog/logging.h"
#include "prometheus/text_serializer.h"

namespace hawser {

using prometheus::ClientMetric;
using prometheus::MetricType;

ClientMetric& MetricFamilies::Add(std::string_view name, std::string_view help,
                                  MetricType type, const Labels& labels) {
  DCHECK(absl::StartsWith(std::string(name), "hawser_")) << name;
  auto known = by_name_.find(name);
  if (known == by_name_.end()) {
    known = by_name_.emplace(std::string(name), families_.size()).first;
    families_.push_back({std::string(name), std::string(help), type, {}});
  }
  prometheus::MetricFamily& family = families_[known->second];
  DCHECK(family.type == type) << name;
  ClientMetric& metric = family.metric.emplace_back();
  for (const auto& [label, value] : labels) {
    metric.label.push_back({label, value});
  }
  return metric;
}

void MetricFamilies::Counter(std::string_view name, std::string_view help,
                             double value, const Labels& labels) {
  Add(name, help, MetricType::Counter, labels).counter.value = value;
}

void MetricFamilies::Gauge(std::string_view name, std::string_view help,
                           double value, const Labels& labels) {
  Add(name, help, MetricType::Gauge, labels).gauge.value = value;
}

void MetricFamilies::Histogram(std::string_view name, std::string_view help,
                               const HistogramValues& values,
                               const Labels& labels) {
  ClientMetric::Histogram& histogram =
      Add(name, help, MetricType::Histogram, labels).histogram;
  histogram.sample_sum = values.sum;
  for (size_t k = 0; k < values.counts.size(); ++k) {
    histogram.sample_count += values.counts[k];
    histogram.bucket.push_back({histogram.sample_count,
                                k < values.bounds.size()
                                    ? values.bounds[k]
                                    : std::numeric_limits<double>::infinity()});
  }
}

std::string MetricFamilies::Text() const {
  const prometheus::TextSerializer serializer;
  return serializer.Serializer::Serialize(families_);
}

}  // namespace hawser
