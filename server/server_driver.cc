#include "server/server_driver.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/job/plan_moves.h"
#include "common/log/log_context.h"
#include "common/rooted_path.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "server/restored_values.h"
#include "server/shard_metrics.h"

namespace hawser {
namespace {

// How often progress is reported and unanswered norms are sent again.
constexpr absl::Duration kReportPeriod = absl::Milliseconds(100);
// Checkpoint files that a new incarnation is told of again, of each job: the
// scheduler may have restarted, and commits the newest that all have written.
constexpr size_t kFilesToldAgain = 4;
constexpr absl::Duration kShortestLeaseWait = absl::Milliseconds(1);

bool RestoresCheckpoint(const Plan& plan) {
  return !plan.restore().directory().empty();
}

}  // namespace

ServerDriver::ServerDriver(NormCarrier* norms, std::string output_root,
                           const Clock* clock, Threads* threads,
                           std::string data_root, bool shares_memory,
                           TraceRecorder* trace, FileCalls* calls,
                           MakeChannel make_channel)
    : norms_(norms),
      output_root_(std::move(output_root)),
      data_root_(std::move(data_root)),
      shares_memory_(shares_memory),
      clock_(clock),
      threads_(threads),
      trace_(trace),
      calls_(calls),
      make_channel_(std::move(make_channel)) {}

ServerDriver::~ServerDriver() { Stop(); }

void ServerDriver::Start(Reporter reporter) {
  reporter_ = std::move(reporter);
  checkpoints_ = std::make_unique<CheckpointWriter>(
      output_root_, calls_, clock_, threads_, trace_,
      [this](uint64_t job, uint64_t step,
             const absl::StatusOr<CheckpointWritten>& written) {
        ReportCheckpoint(job, step, written);
      });
  order_thread_ = threads_->Start([this] { RunOrders(); });
  report_thread_ = threads_->Start([this] { RunReports(); });
  lease_thread_ = threads_->Start([this] { RunLeases(); });
}

void ServerDriver::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (fetching_ != nullptr) fetching_->Cancel();
  }
  order_thread_.reset();
  report_thread_.reset();
  lease_thread_.reset();
  if (checkpoints_ != nullptr) checkpoints_->Stop();
}

void ServerDriver::Follow(uint64_t node, const Orders& orders) {
  absl::MutexLock lock(&mutex_);
  orders_ = NewOrders{node, orders};
  // What is fetched may not be wanted any more.
  if (fetching_ != nullptr) fetching_->Cancel();
}

void ServerDriver::FollowCheckpoints(
    const std::vector<CheckpointOrder>& orders) {
  absl::MutexLock lock(&mutex_);
  ordered_checkpoints_.clear();
  for (const CheckpointOrder& order : orders) {
    ordered_checkpoints_[order.job()] = order.step();
    const auto shard = shards_.find(order.job());
    if (shard == shards_.end()) continue;
    shard->second->OrderCheckpoint(order.step());
  }
}

std::shared_ptr<ParameterShard> ServerDriver::Find(uint64_t job) const {
  absl::MutexLock lock(&mutex_);
  const auto found = shards_.find(job);
  return found == shards_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<ParameterShard>> ServerDriver::Shards() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<ParameterShard>> shards;
  for (const auto& [job, shard] : shards_) shards.push_back(shard);
  return shards;
}

std::vector<ServerLoad> ServerDriver::Loads() const {
  std::vector<ServerLoad> loads;
  for (const auto& shard : Shards()) loads.push_back(shard->Load());
  return loads;
}

absl::StatusOr<uint64_t> ServerDriver::Progress(uint64_t job,
                                                uint64_t incarnation) const {
  const auto shard = Find(job);
  if (shard == nullptr) {
    return absl::NotFoundError(absl::StrCat("no job ", job, " on this server"));
  }
  return shard->Progress(incarnation);
}

absl::Status ServerDriver::ReceiveNorms(const ShareNormsRequest& request) {
  const auto shard = Find(request.job());
  if (shard == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("no job ", request.job(), " on this server"));
  }
  return shard->ReceiveNorms(request);
}

void ServerDriver::CollectMetrics(MetricFamilies* families) const {
  const auto shards = Shards();
  families->Gauge("hawser_server_jobs", "Jobs whose blocks are held here.",
                  static_cast<double>(shards.size()));
  families->Gauge("hawser_server_checkpoints_waiting",
                  "Checkpoints of this server that are not being written yet.",
                  checkpoints_ == nullptr
                      ? 0
                      : static_cast<double>(checkpoints_->waiting()));
  size_t told = 0;
  for (const auto& shard : shards) {
    if (told++ == MetricFamilies::kMaxJobs) break;
    CollectShardMetrics(*shard, families);
  }
}

void ServerDriver::RunOrders() {
  for (;;) {
    NewOrders orders;
    {
      absl::MutexLock lock(&mutex_);
      const auto ready = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || orders_.has_value();
      };
      threads_->Await(&mutex_, absl::Condition(&ready));
      if (stopping_) return;
      orders = std::move(*orders_);
      orders_.reset();
    }
    CarryOut(orders);
  }
}

void ServerDriver::CarryOut(const NewOrders& orders) {
  std::vector<uint64_t> jobs;
  for (const Plan& plan : orders.orders.plans()) jobs.push_back(plan.job());
  DropAllBut(jobs);
  for (const Plan& plan : orders.orders.plans()) Prepare(orders.node, plan);
  // Others may wait for blocks of this server: it adopts all plans before it
  // waits for blocks of theirs.
  for (const Plan& plan : orders.orders.plans()) {
    FetchArrivals(orders.node, plan);
  }
  // Nobody waits for these.
  for (const Plan& plan : orders.orders.plans()) {
    FillReplicas(orders.node, plan);
  }
}

void ServerDriver::Drop(uint64_t job) {
  std::shared_ptr<ParameterShard> dropped;
  {
    absl::MutexLock lock(&mutex_);
    dropped = std::move(shards_.extract(job).mapped());
    written_.erase(job);
  }
  dropped->Close();
  checkpoints_->Forget(job);
}

void ServerDriver::DropAllBut(const std::vector<uint64_t>& jobs) {
  const auto is_over = [&](const auto& entry) {
    return std::find(jobs.begin(), jobs.end(), entry.first) == jobs.end();
  };
  std::erase_if(ready_, is_over);
  std::erase_if(filled_, is_over);
  std::erase_if(untouched_, is_over);
  std::vector<std::shared_ptr<ParameterShard>> dropped;
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = shards_.begin(); it != shards_.end();) {
      if (std::find(jobs.begin(), jobs.end(), it->first) != jobs.end()) {
        ++it;
        continue;
      }
      dropped.push_back(std::move(it->second));
      written_.erase(it->first);
      it = shards_.erase(it);
    }
  }
  for (const auto& shard : dropped) {
    const LogContext context(shard->job_name());
    LOG(INFO) << "job " << shard->job() << " is over here";
    shard->Close();
    checkpoints_->Forget(shard->job());
  }
}

void ServerDriver::Prepare(uint64_t node, const Plan& plan) {
  const LogContext context(plan.spec().name());
  if (ready_[plan.job()] == plan.incarnation()) return;
  auto known = Find(plan.job());
  if (known != nullptr && known->blocks_since() != plan.blocks_since()) {
    // What it holds is of no use any more; nor is there room for both.
    Drop(plan.job());
    known.reset();
  }
  uint32_t index = 0;
  while (index < static_cast<uint32_t>(plan.servers_size()) &&
         plan.servers(static_cast<int>(index)).node() != node) {
    ++index;
  }
  if (index == static_cast<uint32_t>(plan.servers_size())) {
    ReportFailed(plan, "the plan does not name this server",
                 /*permanent=*/false);
    return;
  }
  if (plan.spec().synchronisation().audit()) {
    const absl::Status skipped =
        AuditLog::WriteSkipped(plan, index, output_root_);
    LOG_IF(ERROR, !skipped.ok()) << "job " << plan.job() << ": " << skipped;
  }
  if (known != nullptr) {
    // What is not written yet is by a placement that is over.
    if (known->placed_since() != plan.placed_since()) {
      checkpoints_->Forget(plan.job());
    }
    untouched_[plan.job()] = known->Adopt(plan, index);
  } else {
    auto shard = MakeShard(plan, index);
    if (shard.ok()) {
      absl::MutexLock lock(&mutex_);
      const auto ordered = ordered_checkpoints_.find(plan.job());
      if (ordered != ordered_checkpoints_.end()) {
        (*shard)->OrderCheckpoint(ordered->second);
      }
      shards_[plan.job()] = *std::move(shard);
      written_.erase(plan.job());
      untouched_[plan.job()] = plan.restore().step();
    } else {
      ReportFailed(plan, shard.status().message(), /*permanent=*/true);
    }
  }
}

void ServerDriver::ReportReady(const Plan& plan) {
  // If block 0 moves on, another server tells the steps from here on.
  ReportSteps();
  ready_[plan.job()] = plan.incarnation();
  ReportRequest report;
  report.mutable_server_ready()->set_untouched_step(untouched_[plan.job()]);
  LOG(INFO) << "job " << plan.job() << " (" << plan.spec().name()
            << "), incarnation " << plan.incarnation() << ": ready";
  Send(plan.job(), plan.incarnation(), std::move(report));
  TellFilesAgain(plan);
}

void ServerDriver::ReportFailed(const Plan& plan, absl::string_view message,
                                bool permanent) {
  ready_[plan.job()] = plan.incarnation();
  ReportRequest report;
  report.mutable_failed()->set_message(std::string(message));
  report.mutable_failed()->set_permanent(permanent);
  report.mutable_failed()->set_cannot_restore(permanent &&
                                              RestoresCheckpoint(plan));
  LOG(INFO) << "job " << plan.job() << " (" << plan.spec().name()
            << "), incarnation " << plan.incarnation() << ": " << message;
  Send(plan.job(), plan.incarnation(), std::move(report));
}

void ServerDriver::TellFilesAgain(const Plan& plan) {
  std::deque<CheckpointWritten> files;
  {
    absl::MutexLock lock(&mutex_);
    const auto written = written_.find(plan.job());
    if (written != written_.end()) files = written->second;
  }
  for (const CheckpointWritten& file : files) {
    ReportRequest report;
    *report.mutable_checkpoint_written() = file;
    Send(plan.job(), plan.incarnation(), std::move(report));
  }
}

absl::StatusOr<std::unique_ptr<ParameterShard>> ServerDriver::MakeShard(
    const Plan& plan, uint32_t index) {
  // Who could never write its checkpoint need not train. One that is not there
  // yet will be made.
  const absl::Status output =
      OpenBeneath(output_root_, plan.spec().checkpoint().directory(),
                  O_PATH | O_DIRECTORY)
          .status();
  if (absl::IsPermissionDenied(output)) return output;
  absl::StatusOr<std::unique_ptr<InitialValues>> values = RandomValues();
  if (AllComesFromOthers(plan, index)) {
    // What the blocks began with may be gone.
  } else if (RestoresCheckpoint(plan)) {
    values = OpenRestoredValues(plan, output_root_);
  } else {
    values = OpenInitialValues(plan, output_root_, data_root_);
  }
  RETURN_IF_ERROR(values.status());
  std::unique_ptr<AuditLog> audit;
  if (plan.spec().synchronisation().audit()) {
    ASSIGN_OR_RETURN(audit, AuditLog::Create(plan, index, output_root_));
  }
  return ParameterShard::Create(
      plan, index, **values, norms_, clock_, std::move(audit),
      {.checkpoint_ready =
           [this](CheckpointSnapshot snapshot) {
             checkpoints_->Write(std::move(snapshot));
           },
       .lease_waits =
           [this] {
             absl::MutexLock lock(&mutex_);
             lease_waits_ = true;
           },
       .milestone =
           [this] {
             absl::MutexLock lock(&mutex_);
             milestone_ = true;
           }},
      shares_memory_ ? std::make_unique<SharedMemory>() : nullptr, trace_,
      {.make_channel = make_channel_, .threads = threads_});
}

void ServerDriver::RunReports() {
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      const auto due = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || milestone_;
      };
      threads_->AwaitFor(&mutex_, absl::Condition(&due), kReportPeriod);
      if (stopping_) return;
      milestone_ = false;
    }
    ReportSteps();
    ReportSkippedCheckpoints();
    for (const auto& shard : Shards()) {
      shard->ResendNorms();
      shard->FlushAudit();
    }
  }
}

// Backups that become due while nobody asks for anything.
void ServerDriver::RunLeases() {
  for (;;) {
    absl::Time next = absl::InfiniteFuture();
    for (const auto& shard : Shards()) {
      shard->TickLeases();
      next = std::min(next, shard->NextLeaseDeadline());
    }
    absl::MutexLock lock(&mutex_);
    const auto changed = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return stopping_ || lease_waits_;
    };
    threads_->AwaitFor(&mutex_, absl::Condition(&changed),
                       std::max(next - clock_->Now(), kShortestLeaseWait));
    if (stopping_) return;
    lease_waits_ = false;
  }
}

void ServerDriver::ReportSteps() {
  absl::MutexLock lock(&steps_mutex_);
  for (const auto& shard : Shards()) {
    StepsDone steps = shard->TakeStepsDone();
    if (steps.per_epoch_size() == 0) continue;
    ReportRequest report;
    *report.mutable_steps_done() = std::move(steps);
    Send(shard->job(), shard->incarnation(), std::move(report));
  }
}

void ServerDriver::ReportSkippedCheckpoints() {
  for (const auto& shard : Shards()) {
    for (CheckpointFailed& skipped : shard->TakeSkippedCheckpoints()) {
      ReportRequest report;
      *report.mutable_checkpoint_failed() = std::move(skipped);
      Send(shard->job(), shard->incarnation(), std::move(report));
    }
  }
}

void ServerDriver::ReportCheckpoint(
    uint64_t job, uint64_t step,
    const absl::StatusOr<CheckpointWritten>& written) {
  const auto shard = Find(job);
  // A step that the shard has not made is of the time before a roll-back.
  if (shard == nullptr || shard->completed_steps() < step) return;
  // What led to a checkpoint is in the history before the checkpoint exists.
  shard->FlushAudit();
  ReportRequest report;
  if (written.ok()) {
    *report.mutable_checkpoint_written() = *written;
    absl::MutexLock lock(&mutex_);
    std::deque<CheckpointWritten>& files = written_[job];
    files.push_back(*written);
    if (files.size() > kFilesToldAgain) files.pop_front();
  } else {
    report.mutable_checkpoint_failed()->set_step(step);
    report.mutable_checkpoint_failed()->set_message(
        std::string(written.status().message()));
  }
  shard->ReleaseCheckpoint(step);
  Send(job, shard->incarnation(), std::move(report));
}

void ServerDriver::Send(uint64_t job, uint64_t incarnation,
                        ReportRequest report) {
  report.set_job(job);
  report.set_incarnation(incarnation);
  reporter_(std::move(report));
}

}  // namespace hawser
