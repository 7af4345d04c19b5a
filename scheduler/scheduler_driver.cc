#include "scheduler/scheduler_driver.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/job/personalise.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "glog/logging.h"
#include "scheduler/checkpoint_files.h"
#include "scheduler/manifest.h"
#include "scheduler/scheduler_metrics.h"
#include "scheduler/state/compaction.h"

namespace hawser {
namespace {

constexpr size_t kMaxParked = 50000;
constexpr uint32_t kMaxWaitMs = 30000;
// Events that follow from one change, before something must be wrong.
constexpr int kMaxRounds = 10000;
// How long until an event that the journal refused is tried again.
constexpr absl::Duration kRetryJournal = absl::Seconds(1);
// Until the timer looks at its clock again, whatever it waits for.
constexpr absl::Duration kLongestWait = absl::Seconds(1);

bool AreEqual(
    const std::vector<CheckpointOrder>& orders,
    const google::protobuf::RepeatedPtrField<CheckpointOrder>& known) {
  return std::equal(orders.begin(), orders.end(), known.begin(), known.end(),
                    [](const CheckpointOrder& a, const CheckpointOrder& b) {
                      return a.job() == b.job() && a.step() == b.step();
                    });
}

}  // namespace

SchedulerDriver::SchedulerDriver(Options options, Journal* journal,
                                 const Clock* clock, Threads* threads,
                                 FileCalls* calls)
    : options_(std::move(options)),
      journal_(journal),
      clock_(clock),
      threads_(threads),
      calls_(calls),
      state_(options_.lease) {}

SchedulerDriver::~SchedulerDriver() { Stop(); }

absl::Status SchedulerDriver::ReplayJournal() {
  // By directory: the last one of each job, whose removal a crash may have cut
  // off. It may have been written anew since.
  std::map<std::string, CheckpointDropped> dropped;
  RETURN_IF_ERROR(journal_->Replay(
      [&](const JournalEvent& event) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        state_.Apply(event);
        journal_bytes_ += event.ByteSizeLong();
        if (event.has_checkpoint_committed()) {
          dropped.erase(event.checkpoint_committed().directory());
        } else if (event.has_checkpoint_dropped()) {
          const CheckpointDropped& drop = event.checkpoint_dropped();
          std::erase_if(dropped, [&](const auto& entry) {
            return entry.second.job() == drop.job();
          });
          dropped[drop.directory()] = drop;
        }
      }));
  for (const auto& [directory, drop] : dropped) Remove(drop);
  return absl::OkStatus();
}

absl::Status SchedulerDriver::Start() {
  absl::MutexLock lock(&mutex_);
  Forget();
  RETURN_IF_ERROR(ReplayJournal());
  const absl::Time now = clock_->Now();
  state_.Restarted(now);
  RETURN_IF_ERROR(Settle(now));
  leading_ = true;
  timer_ = threads_->Start([this] { RunTimer(); });
  return absl::OkStatus();
}

void SchedulerDriver::Stop() {
  Answers answers;
  {
    absl::MutexLock lock(&mutex_);
    if (!std::exchange(leading_, false)) return;
    const absl::Status refused = CheckLeads();
    for (Completion& done : parked_.TakeAll()) {
      answers.emplace_back(std::move(done), refused);
    }
  }
  for (auto& [done, status] : answers) done(status);
  timer_->Join();
  absl::MutexLock lock(&mutex_);
  Forget();
}

void SchedulerDriver::Forget() {
  state_ = ClusterState(options_.lease);
  traces_ = Traces();
  retry_at_ = absl::InfiniteFuture();
  journal_bytes_ = 0;
  compact_above_ = options_.compact_bytes;
}

absl::Status SchedulerDriver::CheckLeads() const {
  if (leading_) return journal_->CheckLeads();
  if (options_.describe_leader == nullptr) {
    return absl::UnavailableError("the scheduler starts or stops");
  }
  return absl::UnavailableError(
      absl::StrCat("this scheduler stands by: ", options_.describe_leader()));
}

bool SchedulerDriver::WriteManifests(const std::vector<JournalEvent>& events,
                                     absl::Time now) {
  for (const JournalEvent& event : events) {
    if (!event.has_checkpoint_committed()) continue;
    const CheckpointCommitted& checkpoint = event.checkpoint_committed();
    for (const Job* job : state_.Jobs()) {
      if (job->id() != checkpoint.job()) continue;
      const absl::Status status =
          WriteManifest(*job->plan(), checkpoint, options_.output_root, calls_);
      if (status.ok()) continue;
      state_.RefuseCheckpoint(
          checkpoint,
          absl::StrCat(status.message(),
                       " (the scheduler writes manifests, so that it needs "
                       "the servers' output root, too)"),
          now);
      return false;
    }
  }
  return true;
}

absl::Status SchedulerDriver::Commit(const std::vector<JournalEvent>& events) {
  RETURN_IF_ERROR(journal_->Append(events));
  for (const JournalEvent& event : events) {
    state_.Apply(event);
    journal_bytes_ += event.ByteSizeLong();
    if (event.has_checkpoint_committed()) {
      RemoveSupersededFiles(event.checkpoint_committed(), options_.output_root);
    } else if (event.has_checkpoint_dropped()) {
      Remove(event.checkpoint_dropped());
    }
  }
  return absl::OkStatus();
}

void SchedulerDriver::Remove(const CheckpointDropped& checkpoint) {
  const absl::Status status =
      RemoveCheckpoint(checkpoint, options_.output_root, calls_);
  LOG_IF(ERROR, !status.ok()) << "of a checkpoint that was dropped: " << status;
}

absl::Status SchedulerDriver::Settle(absl::Time now) {
  RETURN_IF_ERROR(SettleEvents(now));
  if (journal_bytes_ > compact_above_) CompactJournal();
  return absl::OkStatus();
}

void SchedulerDriver::CompactJournal() {
  const uint64_t before = journal_bytes_;
  uint64_t after = before;
  const absl::Status status =
      journal_->Rewrite([&](const std::vector<JournalEvent>& events)
                            -> absl::StatusOr<std::vector<JournalEvent>> {
        ClusterState replayed(options_.lease);
        for (const JournalEvent& event : events) replayed.Apply(event);
        std::vector<JournalEvent> left = Compacted(events, replayed);
        ClusterState again(options_.lease);
        after = 0;
        for (const JournalEvent& event : left) {
          again.Apply(event);
          after += event.ByteSizeLong();
        }
        if (DurableState(again) != DurableState(replayed)) {
          return absl::InternalError("it would hold another state");
        }
        return left;
      });
  if (status.ok()) {
    LOG(INFO) << "the journal was compacted from " << before << " to " << after
              << " bytes of events";
    journal_bytes_ = after;
  } else {
    LOG(ERROR) << "the journal is not compacted: " << status;
  }
  compact_above_ = std::max(options_.compact_bytes, 2 * journal_bytes_);
}

absl::Status SchedulerDriver::SettleEvents(absl::Time now) {
  for (int round = 0; round < kMaxRounds; ++round) {
    const std::vector<JournalEvent> due = state_.Decide(now);
    RemoveAbandonedFiles(state_.TakeAbandonedFiles(), options_.output_root);
    if (due.empty()) {
      retry_at_ = absl::InfiniteFuture();
      return absl::OkStatus();
    }
    if (!WriteManifests(due, now)) continue;
    const absl::Status status = Commit(due);
    if (!status.ok()) {
      LOG(ERROR) << "will be tried again: " << status;
      if (retry_at_ <= now || retry_at_ == absl::InfiniteFuture()) {
        retry_at_ = now + kRetryJournal;
      }
      return status;
    }
  }
  LOG(DFATAL) << "the state does not settle";
  return absl::InternalError("the state does not settle");
}

SchedulerDriver::Answers SchedulerDriver::CollectAnswers(absl::Time now) {
  traces_.Follow(state_, now);
  std::set<uint64_t> news = state_.TakeNews();
  news.merge(traces_.TakeNews());
  return parked_.Collect(news, now);
}

absl::Status SchedulerDriver::Change(
    const std::function<absl::Status(absl::Time now)>& change) {
  absl::Status result;
  Answers answers;
  {
    absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(CheckLeads());
    const absl::Time now = clock_->Now();
    result = change(now);
    Settle(now).IgnoreError();  // logged, and tried again by the timer
    answers = CollectAnswers(now);
    timer_changed_ = true;
  }
  for (auto& [done, status] : answers) done(status);
  return result;
}

void SchedulerDriver::RunTimer() {
  absl::MutexLock lock(&mutex_);
  while (leading_) {
    // What is due already and could not be written waits for the next try.
    const absl::Time state_due =
        retry_at_ == absl::InfiniteFuture() ? state_.NextDeadline() : retry_at_;
    timer_wakes_ =
        std::min({state_due, parked_.NextDeadline(), traces_.NextDeadline()});
    timer_changed_ = false;
    const auto changed = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return !leading_ || timer_changed_;
    };
    // Deadlines are by the clock that was handed in, which may be another than
    // the machine's, and may be set.
    const absl::Duration wait =
        std::min(timer_wakes_ - clock_->Now(), kLongestWait);
    // Changes must not put off what is due.
    if (threads_->AwaitFor(&mutex_, absl::Condition(&changed), wait) &&
        (!leading_ || clock_->Now() < timer_wakes_)) {
      continue;
    }
    const absl::Time now = clock_->Now();
    // Between its deadlines nothing follows from the time alone.
    if (state_due <= now && journal_->CheckLeads().ok()) {
      state_.Tick(now);
      Settle(now).IgnoreError();
    }
    Answers answers = CollectAnswers(now);
    mutex_.Unlock();
    for (auto& [done, status] : answers) done(status);
    mutex_.Lock();
  }
}

void SchedulerDriver::Park(ParkedRequests::Request request, uint32_t wait_ms) {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    const bool full = parked_.size() >= kMaxParked;
    status = CheckLeads();
    if (status.ok() && !request.ready(wait_ms == 0 || full, &status)) {
      const absl::Time deadline =
          clock_->Now() + absl::Milliseconds(std::min(wait_ms, kMaxWaitMs));
      parked_.Park(std::move(request), deadline);
      // Most are later than what the timer waits for.
      if (deadline < timer_wakes_) timer_changed_ = true;
      return;
    }
  }
  request.done(status);
}

absl::Status SchedulerDriver::Submit(const SubmitJobRequest& request,
                                     SubmitJobResponse* response) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const JobSpec& spec = request.spec();
    ASSIGN_OR_RETURN(const std::vector<JournalEvent> events,
                     state_.Submit(spec, now));
    if (!events.empty()) {
      RETURN_IF_ERROR(Commit(events));
      response->set_job(events.front().job_accepted().job());
    }
    response->set_name(spec.name());
    if (!IsPersonalise(spec)) return absl::OkStatus();
    const auto accepted = static_cast<uint32_t>(events.size());
    response->set_users_accepted(accepted);
    response->set_users_kept(
        static_cast<uint32_t>(spec.personalise().names_size()) - accepted);
    return absl::OkStatus();
  });
}

absl::Status SchedulerDriver::Cancel(const CancelJobRequest& request) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const JournalEvent event,
                     state_.Cancel(request.name(), now));
    return Commit({event});
  });
}

absl::Status SchedulerDriver::ChangeJob(const ChangeJobRequest& request,
                                        ChangeJobResponse* response) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const JournalEvent event, state_.Change(request, now));
    RETURN_IF_ERROR(Commit({event}));
    JobStatus status;
    (*state_.FindJob(request.name()))
        ->Describe(/*with_plan=*/false, now, &status);
    *response->mutable_synchronisation() = status.spec().synchronisation();
    response->set_servers(status.spec().resources().servers());
    return absl::OkStatus();
  });
}

absl::Status SchedulerDriver::DrainNode(const DrainNodeRequest& request) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const JournalEvent event, state_.Drain(request, now));
    return Commit({event});
  });
}

absl::Status SchedulerDriver::List(ListJobsResponse* response) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeads());
  for (const Job* job : state_.Jobs()) {
    job->Describe(/*with_plan=*/false, clock_->Now(), response->add_jobs());
  }
  return absl::OkStatus();
}

absl::Status SchedulerDriver::GetLog(const GetJobLogRequest& request,
                                     GetJobLogResponse* response) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeads());
  ASSIGN_OR_RETURN(const Job* job, state_.FindJob(request.name()));
  job->ReadLog(request.first_line(), response);
  return absl::OkStatus();
}

absl::Status SchedulerDriver::ListNodes(ListNodesResponse* response) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeads());
  state_.DescribeNodes(clock_->Now(), response);
  return absl::OkStatus();
}

void SchedulerDriver::Look(
    const std::function<void(const ClusterState& state, absl::Time now)>& look)
    const {
  absl::MutexLock lock(&mutex_);
  look(state_, clock_->Now());
}

absl::Status SchedulerDriver::GetVersion(GetVersionResponse* response) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeads());
  response->set_version(kVersion);
  response->set_unix_ns(
      static_cast<uint64_t>(absl::ToUnixNanos(clock_->Now())));
  return absl::OkStatus();
}

void SchedulerDriver::BeginCurves() {
  absl::MutexLock lock(&mutex_);
  curves_.Begin(state_);
}

std::vector<TrainingCurves::News> SchedulerDriver::TakeCurveNews() {
  absl::MutexLock lock(&mutex_);
  return curves_.TakeNews(state_);
}

void SchedulerDriver::CollectMetrics(MetricFamilies* families) const {
  absl::MutexLock lock(&mutex_);
  families->Gauge("hawser_scheduler_parked_requests",
                  "Heartbeats and questions that wait for news.",
                  static_cast<double>(parked_.size()));
  CollectStateMetrics(state_, clock_->Now(), families);
}

absl::Status SchedulerDriver::StartTrace(const StartTraceRequest& request,
                                         StartTraceResponse* response) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const Job* job, state_.FindJob(request.name()));
    ASSIGN_OR_RETURN(*response, traces_.Start(*job, request.steps(), now));
    return absl::OkStatus();
  });
}

absl::Status SchedulerDriver::AddSpans(const AddSpansRequest& request) {
  return Change([&](absl::Time) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return traces_.Add(request);
  });
}

absl::Status SchedulerDriver::Register(const RegisterRequest& request,
                                       RegisterResponse* response) {
  if (request.version() != kVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this member has version ", request.version(), ", the scheduler ",
        kVersion, "; run one version everywhere"));
  }
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ASSIGN_OR_RETURN(const uint64_t node, state_.Register(request, now));
    LOG(INFO) << Role_Name(request.role()) << " " << node << " at "
              << request.host() << " " << request.address() << " joins";
    response->set_node(node);
    response->set_lease_ms(
        static_cast<uint32_t>(absl::ToInt64Milliseconds(options_.lease)));
    response->set_heartbeat_ms(
        static_cast<uint32_t>(absl::ToInt64Milliseconds(options_.heartbeat)));
    return absl::OkStatus();
  });
}

absl::Status SchedulerDriver::Deregister(const DeregisterRequest& request) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    state_.Deregister(request.node(), now);
    return absl::OkStatus();
  });
}

void SchedulerDriver::Doubt(uint64_t node) {
  Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    state_.Doubt(node, now);
    return absl::OkStatus();
  }).IgnoreError();
}

absl::Status SchedulerDriver::Report(const ReportRequest& request) {
  return Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    RETURN_IF_ERROR(state_.Report(request, now));
    if (!request.has_validation_done()) return absl::OkStatus();
    // Steps go on when it is answered, and nobody can measure it any more.
    const absl::Status durable = Settle(now);
    if (durable.ok()) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("not durable yet: ", durable.message()));
  });
}

void SchedulerDriver::GetJob(const GetJobRequest& request,
                             GetJobResponse* response, Completion done) {
  ParkedRequests::Request parked;
  parked.done = std::move(done);
  {
    absl::MutexLock lock(&mutex_);
    // One that is unknown is answered at once by `ready` below.
    const auto job = state_.FindJob(request.name());
    if (job.ok()) parked.subject = (*job)->id();
  }
  parked.ready = [this, request, response](
                     bool last_call,
                     absl::Status* status) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto job = state_.FindJob(request.name());
    if (!job.ok()) {
      *status = job.status();
      return true;
    }
    // Revisions begin anew when the scheduler restarts.
    const bool is_news = (*job)->revision() != request.newer_than_revision();
    if (!is_news && !last_call) return false;
    (*job)->Describe(request.with_plan(), clock_->Now(),
                     response->mutable_status());
    if (request.with_checkpoints()) {
      state_.DescribeCheckpoints(**job, response->mutable_status());
    }
    return true;
  };
  Park(std::move(parked), request.wait_ms());
}

void SchedulerDriver::GetTrace(const GetTraceRequest& request,
                               GetTraceResponse* response, Completion done) {
  ParkedRequests::Request parked;
  parked.done = std::move(done);
  {
    absl::MutexLock lock(&mutex_);
    // One that is unknown is answered at once by `ready` below.
    traces_.Renew(request.trace(), clock_->Now()).IgnoreError();
    const auto job = traces_.JobOf(request.trace());
    if (job.ok()) parked.subject = *job;
  }
  parked.ready =
      [this, request, response](bool last_call, absl::Status* status)
          ABSL_NO_THREAD_SAFETY_ANALYSIS {
            const bool known = traces_.JobOf(request.trace()).ok();
            if (known && !last_call && !traces_.IsCollected(request.trace())) {
              return false;
            }
            *status = traces_.Read(request.trace(), request.part(), response);
            return true;
          };
  Park(std::move(parked), request.wait_ms());
}

void SchedulerDriver::DrainLeaving(uint64_t node) {
  const absl::Status status =
      Change([&](absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        NodeStatus known;
        state_.DescribeDrain(node, &known);
        if (known.state() != SERVING) return absl::OkStatus();
        DrainNodeRequest request;
        request.set_node(node);
        ASSIGN_OR_RETURN(const JournalEvent event, state_.Drain(request, now));
        return Commit({event});
      });
  LOG_IF(WARNING, !status.ok())
      << "node " << node << " would leave: " << status;
}

void SchedulerDriver::Heartbeat(const HeartbeatRequest& request,
                                HeartbeatResponse* response, Completion done) {
  {
    absl::MutexLock lock(&mutex_);
    // A member that is unknown is told so by `ready` below.
    const absl::Time now = clock_->Now();
    if (state_.Renew(request.node(), now).ok()) {
      state_.NoteLoads(request.node(), request.loads(), now);
    }
  }
  if (request.leaving()) DrainLeaving(request.node());
  ParkedRequests::Request parked;
  parked.subject = request.node();
  parked.done = std::move(done);
  parked.ready =
      [this, request, response](bool last_call, absl::Status* status)
          ABSL_NO_THREAD_SAFETY_ANALYSIS {
            const auto version = state_.OrdersVersion(request.node());
            if (!version.ok()) {
              *status = version.status();
              return true;
            }
            TraceOrder trace = traces_.OrderFor(request.node());
            const auto checkpoints = state_.CheckpointOrdersFor(request.node());
            NodeStatus node;
            if (request.leaving()) state_.DescribeDrain(request.node(), &node);
            const bool is_news = *version != request.orders_version() ||
                                 node.state() == DRAINED ||
                                 trace.trace() != request.trace().trace() ||
                                 trace.collect() != request.trace().collect() ||
                                 !AreEqual(checkpoints, request.checkpoints());
            if (!is_news && !last_call) return false;
            *response->mutable_orders() = *state_.OrdersFor(request.node());
            *response->mutable_trace() = std::move(trace);
            response->set_state(node.state());
            response->set_reason(node.reason());
            response->mutable_checkpoints()->Assign(checkpoints.begin(),
                                                    checkpoints.end());
            return true;
          };
  Park(std::move(parked), request.wait_ms());
}

}  // namespace hawser
