#include "tests/simulation/scheduler_link.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hawser::simulation {
namespace {

// As the real client's.
constexpr absl::Duration kDeadline = absl::Seconds(5);

}  // namespace

template <typename Response>
absl::StatusOr<Response> SchedulerLink::Call(
    absl::string_view name, uint32_t wait_ms, Repeat repeat,
    std::function<void(SchedulerDriver*, Response*,
                       SchedulerDriver::Completion)>
        invoke) {
  const auto result = std::make_shared<Response>();
  const absl::Status status = network_->Call(
      process_, directory_->scheduler, name,
      kDeadline + absl::Milliseconds(wait_ms), repeat == Repeat::kYes, loss_,
      [directory = directory_, result,
       invoke = std::move(invoke)](std::shared_ptr<Network::Answer> answer) {
        const auto response = std::make_shared<Response>();
        invoke(directory->scheduler_driver, response.get(),
               [answer = std::move(answer), response,
                result](absl::Status done) mutable {
                 Network::Answer::Send(
                     std::move(answer), std::move(done),
                     [response, result] { *result = std::move(*response); });
               });
      });
  if (!status.ok()) return status;
  return std::move(*result);
}

template <typename Response>
absl::StatusOr<Response> SchedulerLink::CallAtOnce(
    absl::string_view name, Repeat repeat,
    std::function<absl::Status(SchedulerDriver*, Response*)> invoke) {
  return Call<Response>(
      name, /*wait_ms=*/0, repeat,
      [invoke = std::move(invoke)](SchedulerDriver* driver, Response* response,
                                   SchedulerDriver::Completion done) {
        done(invoke(driver, response));
      });
}

absl::StatusOr<SubmitJobResponse> SchedulerLink::SubmitJob(
    const SubmitJobRequest& request) {
  return CallAtOnce<SubmitJobResponse>(
      "SubmitJob", Repeat::kNo,
      [request](SchedulerDriver* driver, SubmitJobResponse* response) {
        return driver->Submit(request, response);
      });
}

absl::StatusOr<GetJobResponse> SchedulerLink::GetJob(
    const GetJobRequest& request) {
  return Call<GetJobResponse>(
      "GetJob", request.wait_ms(), Repeat::kYes,
      [request](SchedulerDriver* driver, GetJobResponse* response,
                SchedulerDriver::Completion done) {
        driver->GetJob(request, response, std::move(done));
      });
}

absl::StatusOr<ListJobsResponse> SchedulerLink::ListJobs(
    const ListJobsRequest&) {
  return CallAtOnce<ListJobsResponse>(
      "ListJobs", Repeat::kYes,
      [](SchedulerDriver* driver, ListJobsResponse* response) {
        return driver->List(response);
      });
}

absl::StatusOr<CancelJobResponse> SchedulerLink::CancelJob(
    const CancelJobRequest& request) {
  return CallAtOnce<CancelJobResponse>(
      "CancelJob", Repeat::kYes,
      [request](SchedulerDriver* driver, CancelJobResponse*) {
        return driver->Cancel(request);
      });
}

absl::StatusOr<ChangeJobResponse> SchedulerLink::ChangeJob(
    const ChangeJobRequest& request) {
  return CallAtOnce<ChangeJobResponse>(
      "ChangeJob", Repeat::kYes,
      [request](SchedulerDriver* driver, ChangeJobResponse* response) {
        return driver->ChangeJob(request, response);
      });
}

absl::StatusOr<GetJobLogResponse> SchedulerLink::GetJobLog(
    const GetJobLogRequest& request) {
  return CallAtOnce<GetJobLogResponse>(
      "GetJobLog", Repeat::kYes,
      [request](SchedulerDriver* driver, GetJobLogResponse* response) {
        return driver->GetLog(request, response);
      });
}

absl::StatusOr<ListNodesResponse> SchedulerLink::ListNodes(
    const ListNodesRequest&) {
  return CallAtOnce<ListNodesResponse>(
      "ListNodes", Repeat::kYes,
      [](SchedulerDriver* driver, ListNodesResponse* response) {
        return driver->ListNodes(response);
      });
}

absl::StatusOr<DrainNodeResponse> SchedulerLink::DrainNode(
    const DrainNodeRequest& request) {
  return CallAtOnce<DrainNodeResponse>(
      "DrainNode", Repeat::kYes,
      [request](SchedulerDriver* driver, DrainNodeResponse*) {
        return driver->DrainNode(request);
      });
}

absl::StatusOr<GetVersionResponse> SchedulerLink::GetVersion(
    const GetVersionRequest&) {
  return CallAtOnce<GetVersionResponse>(
      "GetVersion", Repeat::kYes,
      [](SchedulerDriver* driver, GetVersionResponse* response) {
        return driver->GetVersion(response);
      });
}

absl::StatusOr<StartTraceResponse> SchedulerLink::StartTrace(
    const StartTraceRequest& request) {
  return CallAtOnce<StartTraceResponse>(
      "StartTrace", Repeat::kNo,
      [request](SchedulerDriver* driver, StartTraceResponse* response) {
        return driver->StartTrace(request, response);
      });
}

absl::StatusOr<GetTraceResponse> SchedulerLink::GetTrace(
    const GetTraceRequest& request) {
  return Call<GetTraceResponse>(
      "GetTrace", request.wait_ms(), Repeat::kYes,
      [request](SchedulerDriver* driver, GetTraceResponse* response,
                SchedulerDriver::Completion done) {
        driver->GetTrace(request, response, std::move(done));
      });
}

absl::StatusOr<AddSpansResponse> SchedulerLink::AddSpans(
    const AddSpansRequest& request) {
  return CallAtOnce<AddSpansResponse>(
      "AddSpans", Repeat::kYes,
      [request](SchedulerDriver* driver, AddSpansResponse*) {
        return driver->AddSpans(request);
      });
}

absl::StatusOr<RegisterResponse> SchedulerLink::Register(
    const RegisterRequest& request) {
  auto response = CallAtOnce<RegisterResponse>(
      "Register", Repeat::kNo,
      [request](SchedulerDriver* driver, RegisterResponse* response) {
        return driver->Register(request, response);
      });
  if (response.ok()) {
    network_->world().log->Note(process_->name(), "is",
                                {{"node", response->node()}});
    invariants_->Registered(
        response->node(),
        absl::StrCat("life ", process_->life(), " of ", process_->name()));
  }
  return response;
}

absl::StatusOr<HeartbeatResponse> SchedulerLink::Heartbeat(
    const HeartbeatRequest& request) {
  auto response = Call<HeartbeatResponse>(
      "Heartbeat", request.wait_ms(), Repeat::kYes,
      [request](SchedulerDriver* driver, HeartbeatResponse* response,
                SchedulerDriver::Completion done) {
        driver->Heartbeat(request, response, std::move(done));
      });
  if (!response.ok() ||
      response->orders().version() == request.orders_version()) {
    return response;
  }
  for (const Plan& plan : response->orders().plans()) {
    network_->world().log->Note(process_->name(), "is to follow",
                                {{"incarnation", plan.incarnation()}});
    invariants_->Ordered(plan);
  }
  return response;
}

absl::StatusOr<ReportResponse> SchedulerLink::Report(
    const ReportRequest& request) {
  return CallAtOnce<ReportResponse>(
      "Report", Repeat::kYes,
      [request](SchedulerDriver* driver, ReportResponse*) {
        return driver->Report(request);
      });
}

absl::StatusOr<DeregisterResponse> SchedulerLink::Deregister(
    const DeregisterRequest& request) {
  return CallAtOnce<DeregisterResponse>(
      "Deregister", Repeat::kYes,
      [request](SchedulerDriver* driver, DeregisterResponse*) {
        return driver->Deregister(request);
      });
}

}  // namespace hawser::simulation
