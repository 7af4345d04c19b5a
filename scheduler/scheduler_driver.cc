#include "scheduler/scheduler_driver.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
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

}  // namespace

SchedulerDriver::SchedulerDriver(Options options, Journal* journal,
                                 const Clock* clock, Threads* threads,
                                 FileCalls* calls)
    : options_(std::move(options)),
      journal_(journal),
      clock_(clock),
      threads_(threads),
      calls_(calls),
      state_(options_.lease, options_.keep_ended_jobs) {}

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
  state_ = ClusterState(options_.lease, options_.keep_ended_jobs);
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
        ClusterState replayed(options_.lease, options_.keep_ended_jobs);
        for (const JournalEvent& event : events) replayed.Apply(event);
        std::vector<JournalEvent> left = Compacted(events, replayed);
        ClusterState again(options_.lease, options_.keep_ended_jobs);
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

}  // namespace hawser
