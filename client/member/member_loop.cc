#include "client/member/member_loop.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "common/version.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(5);

// Worth another try: nobody has judged the request.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

// The same of a member that was known already: tokens are exchanged while it
// works, and the new one may not be everywhere yet.
bool IsTransientOfMember(const absl::Status& status) {
  return IsTransient(status) || absl::IsUnauthenticated(status);
}

}  // namespace

RegisterRequest RegistrationOf(Role role, const std::string& address) {
  char host[256] = {};
  RegisterRequest registration;
  registration.set_role(role);
  registration.set_address(address);
  if (gethostname(host, sizeof(host) - 1) == 0) registration.set_host(host);
  registration.set_process(static_cast<uint64_t>(getpid()));
  registration.set_version(kVersion);
  return registration;
}

MemberLoop::MemberLoop(SchedulerClient* client, RegisterRequest registration,
                       OnOrders on_orders, std::function<void()> on_refused,
                       Threads* threads, OnTrace on_trace,
                       OnCheckpoints on_checkpoints, AddNews add_news,
                       OnRegistered on_registered)
    : client_(client),
      registration_(std::move(registration)),
      on_orders_(std::move(on_orders)),
      on_refused_(std::move(on_refused)),
      on_trace_(std::move(on_trace)),
      on_checkpoints_(std::move(on_checkpoints)),
      add_news_(std::move(add_news)),
      on_registered_(std::move(on_registered)),
      threads_(threads),
      reporter_(threads->Start([this] { RunReports(); })),
      thread_(threads->Start([this] { Run(); })) {}

MemberLoop::~MemberLoop() { Stop(); }

absl::Status MemberLoop::Drain(absl::Duration patience) {
  absl::MutexLock lock(&mutex_);
  leaving_ = true;
  const auto over = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return state_ == DRAINED || stopping_ || !failure_.ok();
  };
  threads_->AwaitFor(&mutex_, absl::Condition(&over), patience);
  if (state_ == DRAINED) return absl::OkStatus();
  return absl::DeadlineExceededError(
      why_it_stays_.empty() ? "the scheduler does not answer" : why_it_stays_);
}

void MemberLoop::Stop() {
  uint64_t node = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopping_, true)) return;
    node = node_;
  }
  if (node != 0) {
    DeregisterRequest request;
    request.set_node(node);
    // Also releases the heartbeat that is parked at the scheduler.
    const absl::Status status = client_->Deregister(request).status();
    if (!status.ok()) VLOG(1) << "while leaving: " << status;
  }
  thread_->Join();
  reporter_->Join();
}

void MemberLoop::CollectMetrics(MetricFamilies* families) const {
  families->Gauge("hawser_member_connected",
                  "1: the scheduler has answered the last heartbeat.",
                  static_cast<double>(connected_.value()));
  families->Counter("hawser_member_heartbeats_failed_total",
                    "Heartbeats that the scheduler did not answer.",
                    static_cast<double>(heartbeats_failed_.value()));
  families->Counter("hawser_member_reports_refused_total",
                    "Reports that the scheduler did not take.",
                    static_cast<double>(reports_refused_.value()));
  absl::MutexLock lock(&mutex_);
  families->Counter("hawser_member_registrations_total",
                    "How often it has registered; more than once where its "
                    "lease ended or the scheduler restarted.",
                    static_cast<double>(registrations_));
  families->Gauge("hawser_member_reports_waiting",
                  "Reports that wait for the scheduler.",
                  static_cast<double>(reports_.size()));
}

absl::Status MemberLoop::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

void MemberLoop::Run() {
  HeartbeatRequest known;
  while (Register(&known)) RenewUntilForgotten(&known);
}

bool MemberLoop::Pause(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  return !threads_->AwaitFor(&mutex_, absl::Condition(&stopping_), duration);
}

bool MemberLoop::Register(HeartbeatRequest* known) {
  RegisterRequest request = registration_;
  request.set_former_node(known->node());
  absl::Duration pause = kFirstPause;
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return false;
    }
    const auto response = client_->Register(request);
    if (response.ok()) {
      TakeNumber(*response, known);
      if (on_registered_ != nullptr) on_registered_(response->node());
      return true;
    }
    if (known->node() == 0 ? !IsTransient(response.status())
                           : !IsTransientOfMember(response.status())) {
      DropWork(*known);
      {
        absl::MutexLock lock(&mutex_);
        failure_ = response.status();
      }
      on_refused_();
      return false;
    }
    LOG_EVERY_N(INFO, 20) << "waiting for the scheduler: "
                          << response.status().message();
    if (!Pause(pause)) return false;
    pause = std::min(2 * pause, kLongestPause);
  }
}

void MemberLoop::TakeNumber(const RegisterResponse& response,
                            HeartbeatRequest* known) {
  const bool is_same = response.node() == known->node();
  if (!is_same) {
    // Nothing may go on under the number that it had.
    DropWork(*known);
    known->Clear();
    known->set_node(response.node());
  }
  known->set_wait_ms(response.heartbeat_ms());
  absl::MutexLock lock(&mutex_);
  if (!is_same) reports_.Clear();
  node_ = response.node();
  ++registrations_;
  LOG(INFO) << (is_same ? "is node " : "registered as node ") << node_
            << (is_same ? " again" : "");
}

void MemberLoop::DropWork(const HeartbeatRequest& known) {
  if (known.node() == 0) return;
  on_orders_(known.node(), Orders());
  if (on_trace_ != nullptr) on_trace_(known.node(), TraceOrder());
  if (on_checkpoints_ != nullptr) on_checkpoints_({});
}

void MemberLoop::RenewUntilForgotten(HeartbeatRequest* known) {
  absl::Duration pause = kFirstPause;
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      known->set_leaving(leaving_);
    }
    known->clear_loads();
    if (add_news_ != nullptr) add_news_(known);
    const auto response = client_->Heartbeat(*known);
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    connected_.Set(response.ok() ? 1 : 0);
    if (response.ok()) {
      pause = kFirstPause;
      HandOver(*response, known);
      continue;
    }
    heartbeats_failed_.Add();
    if (!IsTransientOfMember(response.status())) {
      LOG(WARNING) << "the scheduler does not know this member: "
                   << response.status();
      return;
    }
    LOG_EVERY_N(WARNING, 20) << "no heartbeat: " << response.status();
    if (!Pause(pause)) return;
    pause = std::min(2 * pause, kLongestPause);
  }
}

void MemberLoop::HandOver(const HeartbeatResponse& response,
                          HeartbeatRequest* known) {
  const TraceOrder& trace = response.trace();
  if (trace.trace() != known->trace().trace() ||
      trace.collect() != known->trace().collect()) {
    *known->mutable_trace() = trace;
    if (on_trace_ != nullptr) on_trace_(known->node(), trace);
  }
  if (response.orders().version() != known->orders_version()) {
    known->set_orders_version(response.orders().version());
    on_orders_(known->node(), response.orders());
  }
  {
    absl::MutexLock lock(&mutex_);
    state_ = response.state();
    why_it_stays_ = response.reason();
  }
  *known->mutable_checkpoints() = response.checkpoints();
  if (on_checkpoints_ != nullptr) {
    on_checkpoints_(
        {response.checkpoints().begin(), response.checkpoints().end()});
  }
}

void MemberLoop::Report(ReportRequest report) {
  absl::MutexLock lock(&mutex_);
  report.set_node(node_);
  LOG_IF(ERROR, !reports_.Push(std::move(report)))
      << "too many reports wait for the scheduler; the oldest is lost";
}

void MemberLoop::RunReports() {
  for (;;) {
    ReportRequest report;
    {
      absl::MutexLock lock(&mutex_);
      const auto ready = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || !reports_.empty();
      };
      threads_->Await(&mutex_, absl::Condition(&ready));
      if (stopping_) return;
      report = reports_.Pop();
    }
    const absl::Status status = SendReport(report);
    if (absl::IsCancelled(status)) return;
    if (status.ok()) continue;
    reports_refused_.Add();
    LOG(WARNING) << "report refused: " << status;
  }
}

absl::Status MemberLoop::ReportAndWait(ReportRequest report) {
  {
    absl::MutexLock lock(&mutex_);
    report.set_node(node_);
  }
  return SendReport(report);
}

absl::Status MemberLoop::SendReport(const ReportRequest& report) {
  absl::Duration pause = kFirstPause;
  for (;;) {
    uint64_t registrations = 0;
    {
      absl::MutexLock lock(&mutex_);
      registrations = registrations_;
    }
    const absl::Status status = client_->Report(report).status();
    if (absl::IsNotFound(status)) {
      RETURN_IF_ERROR(AwaitNumber(report.node(), registrations));
      continue;
    }
    if (!IsTransientOfMember(status)) return status;
    if (!Pause(pause)) return absl::CancelledError("the member stops");
    pause = std::min(2 * pause, kLongestPause);
  }
}

absl::Status MemberLoop::AwaitNumber(uint64_t node, uint64_t registrations) {
  absl::MutexLock lock(&mutex_);
  const auto over = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return stopping_ || registrations_ != registrations || node_ != node;
  };
  threads_->Await(&mutex_, absl::Condition(&over));
  if (stopping_) return absl::CancelledError("the member stops");
  if (node_ == node) return absl::OkStatus();
  return absl::NotFoundError("the member has another number by now");
}

}  // namespace hawser
