#include "scheduler/dashboard/dashboard_routes.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "google/protobuf/util/json_util.h"
#include "scheduler/dashboard/live_feed.h"
#include "scheduler/dashboard/page_files.h"

namespace hawser {
namespace {

constexpr char kJson[] = "application/json";
// How long a live view waits at most before it looks whether it is over.
constexpr absl::Duration kShortWait = absl::Milliseconds(200);

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &json, options);
  LOG_IF(ERROR, !status.ok()) << "cannot write JSON: " << status;
  return json;
}

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kFailedPrecondition:
      return 409;
    default:
      return 503;
  }
}

HttpReply Snapshot(const LiveFeed::Source& source, const HttpRequest& request) {
  LiveFeed feed(source, request.Parameter("job"));
  const LiveUpdate update = feed.Next();
  return {.status = !update.standing_by().empty() ? 503
                    : update.problem().empty()    ? 200
                                                  : 404,
          .content_type = kJson,
          .body = ToJson(update)};
}

// Server-sent events, one a period.
HttpReply Live(const LiveFeed::Source& source, const Clock* clock,
               Threads* threads, const HttpRequest& request) {
  HttpReply reply;
  reply.content_type = "text/event-stream";
  auto feed = std::make_shared<LiveFeed>(source, request.Parameter("job"));
  reply.stream = [feed, clock, threads,
                  next = absl::InfinitePast()](std::string* more) mutable {
    const absl::Time now = clock->Now();
    // A clock that was set back must not make a viewer wait.
    if (now < next && next - now <= kLivePeriod) {
      threads->Sleep(std::min(next - now, kShortWait));
      return true;
    }
    next = now + kLivePeriod;
    *more = absl::StrCat("data: ", ToJson(feed->Next()), "\n\n");
    return true;
  };
  return reply;
}

HttpReply Cancel(SchedulerDriver* driver, const HttpRequest& http) {
  CancelJobRequest request;
  request.set_name(http.Parameter("job"));
  const absl::Status status = driver->Cancel(request);
  return {
      .status = HttpStatusOf(status),
      .body = absl::StrCat(status.ok() ? "cancelled" : status.message(), "\n")};
}

}  // namespace

std::vector<HttpRoute> DashboardRoutes(
    SchedulerDriver* driver, const Clock* clock, Threads* threads,
    std::function<std::string()> leaders_dashboard) {
  const LiveFeed::Source source = {driver, clock->Now(),
                                   std::move(leaders_dashboard)};
  std::vector<HttpRoute> routes;
  for (const PageFile& file : PageFiles()) {
    // The page holds no secret: it asks for the token that the rest may need.
    routes.push_back({file.path, /*open=*/true, [&file](const HttpRequest&) {
                        return HttpReply{.content_type = file.content_type,
                                         .body = file.content};
                      }});
  }
  routes.push_back(
      {"/api/snapshot", false, [source](const HttpRequest& request) {
         return Snapshot(source, request);
       }});
  routes.push_back({"/api/live", false, [=](const HttpRequest& request) {
                      return Live(source, clock, threads, request);
                    }});
  routes.push_back(
      {"/api/cancel", false,
       [driver](const HttpRequest& request) { return Cancel(driver, request); },
       /*changes=*/true, "/hawser.Scheduler/CancelJob"});
  return routes;
}

}  // namespace hawser
