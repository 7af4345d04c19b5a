#include "common/metrics/metrics_page.h"

#include "common/metrics/process_metrics.h"

namespace hawser {

std::string MetricsPage::Text() const {
  MetricFamilies families;
  CollectProcessMetrics(role_, &families);
  for (const Component& component : components_) component(&families);
  return families.Text();
}

}  // namespace hawser
