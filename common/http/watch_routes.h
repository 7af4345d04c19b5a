// What every daemon answers over HTTP to whoever watches it:
//
//   /metrics   what it does, for Prometheus (docs/metrics.md)
//   /healthz   200: the process answers
//   /readyz    200: it is ready for work; 503: not, and why
//
// The last two are for probes that have no token, and tell nothing else.
#ifndef HAWSER_COMMON_HTTP_WATCH_ROUTES_H_
#define HAWSER_COMMON_HTTP_WATCH_ROUTES_H_

#include <vector>

#include "common/http/http_route.h"
#include "common/metrics/metrics_page.h"
#include "common/readiness.h"

namespace hawser {

// Both outlive the routes.
std::vector<HttpRoute> WatchRoutes(const MetricsPage* metrics,
                                   const Readiness* readiness);

}  // namespace hawser

#endif  // HAWSER_COMMON_HTTP_WATCH_ROUTES_H_
