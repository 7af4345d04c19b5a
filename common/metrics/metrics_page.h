// What a daemon answers at /metrics: what each of its components says of itself
// at that moment.
//
//   MetricsPage page("server");
//   page.Add([&](MetricFamilies* to) { driver.CollectMetrics(to); });
//   page.Text()
//
// Thread-safe, once all components are added.
#ifndef HAWSER_COMMON_METRICS_METRICS_PAGE_H_
#define HAWSER_COMMON_METRICS_METRICS_PAGE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/metrics/metric_families.h"

namespace hawser {

class MetricsPage {
 public:
  // Called on any thread, also on several at once; must not block for long.
  using Component = std::function<void(MetricFamilies*)>;

  // role: as for CollectProcessMetrics.
  explicit MetricsPage(std::string role) : role_(std::move(role)) {}

  void Add(Component component) { components_.push_back(std::move(component)); }

  // In the format of kMetricsContentType.
  std::string Text() const;

 private:
  const std::string role_;
  std::vector<Component> components_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_METRICS_METRICS_PAGE_H_
