// The dashboard over HTTP: its page, and under /api what it shows
// (docs/dashboard.md). Handlers hand on; what there is to know is in LiveFeed
// and the driver.
#ifndef HAWSER_SCHEDULER_DASHBOARD_DASHBOARD_ROUTES_H_
#define HAWSER_SCHEDULER_DASHBOARD_DASHBOARD_ROUTES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/http/http_route.h"
#include "common/threads.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {

// A live view is told what has changed about so often.
inline constexpr absl::Duration kLivePeriod = absl::Seconds(1);

// All outlive the routes. leaders_dashboard: as of LiveFeed::Source.
std::vector<HttpRoute> DashboardRoutes(
    SchedulerDriver* driver, const Clock* clock, Threads* threads,
    std::function<std::string()> leaders_dashboard = nullptr);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_DASHBOARD_DASHBOARD_ROUTES_H_
