#include "common/http/watch_routes.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace hawser {

std::vector<HttpRoute> WatchRoutes(const MetricsPage* metrics,
                                   const Readiness* readiness) {
  std::vector<HttpRoute> routes;
  routes.push_back({"/metrics", /*open=*/false, [metrics](const HttpRequest&) {
                      return HttpReply{.content_type = kMetricsContentType,
                                       .body = metrics->Text()};
                    }});
  routes.push_back({"/healthz", /*open=*/true, [](const HttpRequest&) {
                      return HttpReply{.body = "ok\n"};
                    }});
  routes.push_back({"/readyz", /*open=*/true, [readiness](const HttpRequest&) {
                      const std::string why_not = readiness->WhyNot();
                      if (why_not.empty()) return HttpReply{.body = "ready\n"};
                      return HttpReply{
                          .status = 503,
                          .body = absl::StrCat("not ready: ", why_not, "\n")};
                    }});
  return routes;
}

}  // namespace hawser
