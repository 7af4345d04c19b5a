#include "scheduler/state/job.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/figures.h"
#include "common/job/job_rules.h"
#include "common/job/plan_moves.h"
#include "common/job/step_schedule.h"
#include "common/metrics_proto.h"
#include "scheduler/state/plan_line.h"
#include "scheduler/state/replicas.h"

namespace hawser {
namespace {

std::string EpochLine(const EpochMetrics& epoch, uint64_t epochs,
                      const ModelSpec& model, uint64_t validation_bytes) {
  std::vector<std::string> parts =
      FigureTexts(TrainingFigures(epoch.training(), model), "");
  if (epoch.has_validation()) {
    const Figures validation =
        ValidationFigures(epoch.validation(), model, validation_bytes);
    for (std::string& part : FigureTexts(validation, "validation ")) {
      parts.push_back(std::move(part));
    }
  }
  return absl::StrCat("epoch ", epoch.epoch(), "/", epochs, ": ",
                      absl::StrJoin(parts, ", "));
}

}  // namespace

Job::Job(uint64_t id, const JobSpec& complete, ModelLayout layout,
         absl::Time accepted)
    : id_(id),
      spec_(complete),
      layout_(std::move(layout)),
      accepted_(accepted),
      guards_(complete.guards()),
      timed_(spec_.checkpoint().every_seconds()) {
  Log(accepted, "scheduler", "accepted");
}

JobState Job::state() const {
  if (end_.has_value()) return end_->state();
  if (!plan_.has_value()) return QUEUED;
  if (plan_->total_steps() == 0) return STARTING;
  if (running_since_ == absl::InfiniteFuture()) return STARTING;
  return progress_.step() == plan_->total_steps() ? FINISHING : RUNNING;
}

bool Job::HasWorker(uint64_t node) const { return workers_.count(node) != 0; }

bool Job::HasServer(uint64_t node) const { return servers_.count(node) != 0; }

bool Job::HoldsFirstBlock(uint64_t node) const {
  return plan_->blocks_size() != 0 &&
         plan_->servers(static_cast<int>(plan_->blocks(0).server())).node() ==
             node;
}

bool Job::HoldsBlocks(uint64_t node) const { return holders_.count(node) != 0; }

bool Job::ServersReady() const {
  return plan_.has_value() && plan_->total_steps() != 0 && !IsBroken() &&
         servers_ready_.size() == servers_.size();
}

bool Job::Works() const {
  return running_since_ != absl::InfiniteFuture() &&
         (ServersReady() || (reattaching_ && !IsBroken()));
}

Plan Job::PlanFor(uint64_t node) const {
  const auto worker = workers_.find(node);
  if (worker == workers_.end()) return *plan_;
  Plan plan = plan_without_workers_;
  *plan.add_workers() = plan_->workers(worker->second);
  if (spec_.guards().recompute_every() != 0) {
    *plan.mutable_recomputed() =
        plan_->workers((worker->second + 1) % plan_->workers_size());
  }
  return plan;
}

void Job::NoteMembers() {
  workers_.clear();
  servers_.clear();
  holders_.clear();
  replica_holders_.clear();
  lacks_replicas_ = false;
  fills_awaited_.clear();
  for (int i = 0; i < plan_->workers_size(); ++i) {
    workers_[plan_->workers(i).node()] = i;
  }
  for (const ServerEndpoint& server : plan_->servers()) {
    servers_.insert(server.node());
  }
  for (const Block& block : plan_->blocks()) {
    holders_.insert(plan_->servers(static_cast<int>(block.server())).node());
    if (block.replica() != 0) {
      replica_holders_.insert(
          plan_->servers(static_cast<int>(block.replica()) - 1).node());
    } else if (spec_.resources().replicas() == 2) {
      lacks_replicas_ = true;
    }
  }
  keepers_ = KeepersOf(*plan_);
  if (!FillsReplicas(*plan_)) return;
  for (const BlockMove& move : plan_->moves()) {
    const uint32_t to = plan_->blocks(static_cast<int>(move.block())).replica();
    fills_awaited_.insert(plan_->servers(static_cast<int>(to) - 1).node());
  }
}

std::string Job::NameOf(uint64_t node) const {
  return absl::StrCat(HasServer(node) ? "server " : "worker ", node);
}

const SynchronisationSpec& Job::synchronisation() const {
  if (change_.has_value()) return *change_;
  if (plan_.has_value() && plan_->phases_size() != 0) {
    return plan_->phases(plan_->phases_size() - 1).synchronisation();
  }
  return spec_.synchronisation();
}

uint64_t Job::UntouchedStep() const {
  uint64_t step = 0;
  for (const auto& [node, untouched] : servers_ready_) {
    step = std::max(step, untouched);
  }
  return step;
}

void Job::Change(const JobChanged& change, absl::Time now) {
  if (change.has_synchronisation()) {
    change_ = change.synchronisation();
    Log(now, "scheduler",
        absl::StrCat("to be synchronised otherwise: ",
                     change.synchronisation().ShortDebugString()));
  }
  if (change.servers() != 0) {
    servers_wanted_ = change.servers();
    Log(now, "scheduler",
        absl::StrCat("to be on ", change.servers(), " servers"));
  }
}

Restore Job::RestorePoint() const {
  // One that cannot be read is as good as none.
  const auto& all = checkpoints_.all();
  const auto end =
      restore_failed_ ? all.lower_bound(plan_->restore().step()) : all.end();
  Restore restore;
  if (end == all.begin()) return restore;
  const auto& [step, checkpoint] = *std::prev(end);
  restore.set_step(step);
  restore.set_directory(checkpoint.event.directory());
  return restore;
}

// To the step that the plan restores. Later checkpoints could not be read.
void Job::RollBack(const Plan& plan) {
  const uint64_t step = plan.restore().step();
  while (checkpoints_.Newest() != nullptr &&
         checkpoints_.Newest()->event.step() > step) {
    checkpoints_.Drop(checkpoints_.Newest()->event.step());
  }
  const CheckpointList::Checkpoint* from = checkpoints_.Find(step);
  progress_.RollBack(step, from == nullptr
                               ? SampleSums()
                               : FromProto(from->event.epoch_training()));
  checkpoint_step_ = step;
  output_ = plan.restore().directory();
  pending_.AbandonAll(step);
  guards_.RollBack(step);
  hashed_step_ = 0;
  sha256_.clear();
}

void Job::Adopt(const Plan& plan, absl::Time now) {
  const bool rolls_back = plan.has_restore() && plan_.has_value() &&
                          plan.blocks_since() != plan_->blocks_since();
  const bool had_phases = plan_.has_value() && plan_->phases_size() != 0;
  const bool goes_on = plan_.has_value() && plan_->pause() && !plan.pause();
  const bool has_new_phase = goes_on && change_.has_value();
  const bool ends_fill = plan_.has_value() && FillsReplicas(*plan_) &&
                         ReplicasFilled() && plan.moves_size() == 0;
  if (plan.phases_size() != 0 && (!had_phases || goes_on)) change_.reset();
  // Files by another placement make no checkpoint with those of this one.
  if (plan_.has_value() && plan_->placed_since() != plan.placed_since()) {
    pending_.AbandonAll(checkpoint_step_);
  }
  NoteWhoIsBack(now);
  ++incarnations_[static_cast<size_t>(ReasonOf(plan_, plan))];
  plan_ = plan;
  plan_without_workers_ = plan;
  plan_without_workers_.clear_workers();
  NoteMembers();
  servers_ready_.clear();
  ready_since_ = absl::InfiniteFuture();
  servers_lost_.clear();
  restore_failed_ = false;
  workers_changed_ = false;
  waiting_reason_ = plan.workers_size() == 0 ? "waits for a worker" : "";
  progress_.DropPartialValidation();
  if (plan.total_steps() != 0) {
    progress_.SetSchedule(StepSchedule(plan), plan.validation_samples() != 0);
  }
  if (rolls_back) {
    RollBack(plan);
    Log(now, "scheduler",
        absl::StrCat("rolled back to step ", plan.restore().step(),
                     plan.restore().directory().empty()
                         ? ", the initial values"
                         : ", from " + plan.restore().directory()));
  }
  if (ends_fill) Log(now, "scheduler", "the replicas are filled");
  if (has_new_phase) {
    const Phase& phase = plan.phases(plan.phases_size() - 1);
    Log(now, "scheduler",
        absl::StrCat("from step ", phase.from_step(),
                     " on: ", phase.synchronisation().ShortDebugString()));
  }
  Log(now, "scheduler", PlanLine(plan));
}

void Job::BeginToRun(absl::Time now) {
  if (running_since_ != absl::InfiniteFuture()) return;
  running_since_ = now;
  timed_.Start(now);
  Log(now, "scheduler", "running");
}

void Job::RecordValidation(const ValidationMeasured& measured) {
  progress_.RecordValidation(measured.step(), measured.metrics());
  ++revision_;
}

void Job::Reattach(absl::Time now) {
  log_.NoteRestart();
  reattaching_ = true;
  lost_since_restart_ = 0;
  progress_.Resume();
  if (running_since_ != absl::InfiniteFuture()) timed_.Start(now);
  waiting_reason_ = "waits for its members: the scheduler has restarted";
  Log(now, "scheduler",
      absl::StrCat("the scheduler restarted; ",
                   workers_.size() + servers_.size(), " members are awaited"));
}

void Job::NoteWhoIsBack(absl::Time now) {
  if (!std::exchange(reattaching_, false)) return;
  const size_t members = workers_.size() + servers_.size();
  Log(now, "scheduler",
      absl::StrCat("the scheduler restarted; ",
                   members - std::min(members, lost_since_restart_), " of ",
                   members, " members are back"));
}

void Job::RequestCancel(absl::Time now) {
  cancel_requested_ = true;
  Log(now, "scheduler", "cancel requested");
}

void Job::Commit(const CheckpointCommitted& event, absl::Time now) {
  checkpoints_.Commit(event, now);
  checkpoint_step_ = event.step();
  output_ = event.directory();
  pending_.Commit(event);
  Log(now, "scheduler",
      absl::StrCat("checkpoint of step ", event.step(), " in ",
                   event.directory()));
}

void Job::DropCheckpoint(uint64_t step, absl::Time now) {
  checkpoints_.Drop(step);
  Log(now, "scheduler", absl::StrCat("checkpoint of step ", step, " removed"));
}

void Job::FinishEpoch(const EpochMetrics& metrics, absl::Time now) {
  progress_.FinishEpoch(metrics);
  Log(now, "scheduler",
      EpochLine(metrics, progress_.epochs(), spec_.model(),
                plan_.has_value() ? plan_->validation_bytes() : 0));
}

void Job::End(const JobEnded& event, absl::Time now) {
  end_ = event;
  ended_at_ = now;
  pending_.AbandonAll(checkpoint_step_);
  timed_.Stop();
  LetGo();
  sha256_ = event.parameters_sha256();
  Log(now, "scheduler",
      absl::StrCat(absl::AsciiStrToLower(JobState_Name(event.state())),
                   event.reason().empty() ? "" : ": ", event.reason()));
}

// Of what nobody asks for once it has ended: 1,000 of these are kept.
void Job::LetGo() {
  plan_without_workers_.Clear();
  data_loaded_.clear();
}

void Job::MemberLost(uint64_t node, const std::string& why, absl::Time now) {
  if (ended() || !plan_.has_value()) return;
  if (reattaching_) ++lost_since_restart_;
  if (HasWorker(node)) {
    workers_changed_ = true;
    data_loaded_.erase(node);
    Log(now, "scheduler", absl::StrCat("worker ", node, " ", why));
  }
  if (!HasServer(node)) return;
  // Where blocks were on their way to, nothing is lost.
  const bool held_blocks =
      plan_->moves_size() == 0 || keepers_.count(node) != 0;
  if (held_blocks) {
    servers_lost_.insert(node);
    survives_ = Survives(*plan_, servers_lost_);
  }
  Log(now, "scheduler",
      absl::StrCat("server ", node, " ", why,
                   !held_blocks ? "; blocks on their way to it go elsewhere"
                   : NeedsTakeOver()
                       ? "; the other copies of what it held take over"
                       : " and with it the parameters it held"));
}

bool Job::SurvivesWithout(uint64_t node) const {
  if (ended()) return false;
  if (HasWorker(node)) return true;
  if (!HasServer(node)) return false;
  std::set<uint64_t> lost = servers_lost_;
  lost.insert(node);
  return Survives(*plan_, lost);
}

void Job::Fail(const std::string& reason, absl::Time now) {
  failure_ = reason;
  Log(now, "scheduler", reason);
}

void Job::SetWaitingReason(const std::string& reason) {
  if (waiting_reason_ == reason) return;
  waiting_reason_ = reason;
  ++revision_;
}

std::optional<DataLoaded> Job::DataOfAllWorkers() const {
  if (!plan_.has_value() || plan_->workers_size() == 0 ||
      data_loaded_.size() < workers_.size()) {
    return std::nullopt;
  }
  for (const MicroBatchRange& worker : plan_->workers()) {
    if (data_loaded_.count(worker.node()) == 0) return std::nullopt;
  }
  return data_loaded_.at(plan_->workers(0).node());
}

bool Job::WaitsForServers() const {
  return !ended() && plan_.has_value() && plan_->total_steps() == 0 &&
         DataOfAllWorkers().has_value();
}

std::optional<CheckpointCommitted> Job::CompleteCheckpoint(
    absl::Time now) const {
  if (!plan_.has_value()) return std::nullopt;
  std::vector<uint64_t> servers;
  for (const ServerEndpoint& server : plan_->servers()) {
    if (HoldsBlocks(server.node())) servers.push_back(server.node());
  }
  auto complete = pending_.Complete(servers, now, [this](uint64_t step) {
    return progress_.IsFinishedBefore(step);
  });
  if (!complete.has_value()) return complete;
  complete->set_job(id_);
  for (const CheckpointWritten& file : complete->files()) {
    if (!file.has_epoch_training()) continue;
    *complete->mutable_epoch_training() = file.epoch_training();
  }
  return complete;
}

bool Job::IsLastStep(uint64_t step) const {
  return plan_.has_value() && step != 0 && step == plan_->total_steps();
}

void Job::ReportCheckpointFailed(uint64_t node, const CheckpointFailed& failed,
                                 absl::Time now) {
  if (failed.too_late()) timed_.Late(failed.step(), now);
  const auto line = pending_.Failed(failed, IsLastStep(failed.step()), now);
  if (line.has_value()) Log(now, NameOf(node), *line);
}

void Job::RefuseCheckpoint(uint64_t step, const std::string& why,
                           absl::Time now) {
  const auto line = pending_.Refuse(step, why, IsLastStep(step), now);
  if (line.has_value()) Log(now, "scheduler", *line);
}

absl::Time Job::NextCheckpointTime() const {
  return std::min(pending_.NextTry(), timed_.NextDeadline());
}

std::optional<absl::Time> Job::BeginningToRecord() const {
  if (running_since_ != absl::InfiniteFuture() || !ServersReady()) {
    return std::nullopt;
  }
  return ready_since_;
}

bool Job::Finished() const {
  return plan_.has_value() && plan_->total_steps() != 0 &&
         progress_.AllEpochsFinished() &&
         checkpoint_step_ == plan_->total_steps() &&
         hashed_step_ == plan_->total_steps();
}

}  // namespace hawser
