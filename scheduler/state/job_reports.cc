// What servers and workers report of a job.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/job/job_rules.h"
#include "scheduler/state/job.h"

namespace hawser {
namespace {

// Of a job: as many as JobSpec allows.
constexpr uint64_t kMaxSteps = uint64_t{1} << 40;
// Of a worker that cannot reach a server, before it is asked again.
constexpr absl::Duration kExclusion = absl::Minutes(1);

}  // namespace

absl::Status Job::CheckMember(const ReportRequest& report) const {
  if (!plan_.has_value() || ended() ||
      !(HasWorker(report.node()) || HasServer(report.node()))) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node ", report.node(), " is not a member of job ", name()));
  }
  // Completed steps and written files are facts until a roll-back, whatever the
  // incarnation, and so is what keeps a server from going on; what depends on
  // the members' shares is not.
  const bool is_fact =
      report.has_steps_done() || report.has_checkpoint_written() ||
      report.has_checkpoint_failed() || report.has_parameters_hashed() ||
      (report.has_failed() && HasServer(report.node()));
  const uint64_t incarnation = report.incarnation();
  if (is_fact ? incarnation < plan_->blocks_since()
              : incarnation != plan_->incarnation()) {
    return absl::FailedPreconditionError(
        absl::StrCat("stale incarnation ", report.incarnation(),
                     ", the job is at ", plan_->incarnation()));
  }
  return absl::OkStatus();
}

absl::Status Job::Report(const ReportRequest& report, absl::Time now) {
  const absl::Status member = CheckMember(report);
  if (!member.ok()) return member;
  ++revision_;
  const uint64_t node = report.node();
  switch (report.event_case()) {
    case ReportRequest::kServerReady:
      if (!HasServer(node)) {
        return absl::FailedPreconditionError(
            "only a server of the plan can be ready");
      }
      servers_ready_[node] = report.server_ready().untouched_step();
      if (ServersReady()) ready_since_ = std::min(ready_since_, now);
      return absl::OkStatus();
    case ReportRequest::kReplicasFilled:
      fills_awaited_.erase(node);
      return absl::OkStatus();
    case ReportRequest::kStepsDone:
      if (!HoldsFirstBlock(node)) {
        return absl::FailedPreconditionError(
            "steps are told by the server of block 0");
      }
      return progress_.AddSteps(report.steps_done(), now);
    case ReportRequest::kValidationDone:
      return progress_.AddValidation(report.validation_done());
    case ReportRequest::kCheckpointWritten:
      // By another placement it makes no checkpoint with files of this one.
      if (report.checkpoint_written().placed_since() == plan_->placed_since()) {
        pending_.Written(node, report.checkpoint_written());
      }
      return absl::OkStatus();
    case ReportRequest::kCheckpointFailed:
      ReportCheckpointFailed(node, report.checkpoint_failed(), now);
      return absl::OkStatus();
    case ReportRequest::kParametersHashed:
      hashed_step_ = report.parameters_hashed().step();
      sha256_ = report.parameters_hashed().sha256();
      return absl::OkStatus();
    case ReportRequest::kNotFinite:
      Note(node, guards_.Take(node, report.not_finite()), now);
      return absl::OkStatus();
    case ReportRequest::kMicroBatchDigest:
      Note(node, guards_.Take(node, report.micro_batch_digest()), now);
      return absl::OkStatus();
    case ReportRequest::kDataLoaded:
      ReportDataLoaded(node, report.data_loaded(), now);
      return absl::OkStatus();
    case ReportRequest::kFailed:
      Log(now, NameOf(node), report.failed().message());
      if (report.failed().cannot_restore() && HasServer(node) &&
          !plan_->restore().directory().empty()) {
        restore_failed_ = true;
        return absl::OkStatus();
      }
      if (report.failed().permanent() || HasServer(node)) {
        failure_ = absl::StrCat(NameOf(node), ": ", report.failed().message());
      } else if (report.failed().cut_off()) {
        NoteCutOff(node, now);
      } else {
        excluded_[node] = absl::InfiniteFuture();
        data_loaded_.erase(node);
        workers_changed_ = true;
      }
      return absl::OkStatus();
    case ReportRequest::EVENT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("an empty report");
}

// Others do its part, if there are any.
void Job::NoteCutOff(uint64_t worker, absl::Time now) {
  const auto may_work = [&](const MicroBatchRange& other) {
    return other.node() != worker && !IsExcluded(other.node());
  };
  if (std::none_of(plan_->workers().begin(), plan_->workers().end(),
                   may_work)) {
    Log(now, "scheduler",
        absl::StrCat("no other worker is there; worker ", worker, " tries on"));
    return;
  }
  excluded_[worker] = now + kExclusion;
  workers_changed_ = true;
  Log(now, "scheduler",
      absl::StrCat("others do what worker ", worker,
                   " did; it is asked again in ",
                   absl::FormatDuration(kExclusion)));
}

absl::Time Job::NextReadmission() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [node, until] : excluded_) next = std::min(next, until);
  return next;
}

void Job::Readmit(absl::Time now) {
  std::erase_if(excluded_,
                [now](const auto& entry) { return entry.second <= now; });
}

void Job::NoteLoad(uint64_t server, const ServerLoad& load, absl::Time now) {
  if (ended() || !HasServer(server) ||
      load.incarnation() != plan_->incarnation()) {
    return;
  }
  loads_.Note(server, load, now);
}

void Job::Note(uint64_t node,
               const std::optional<NumberGuards::Finding>& finding,
               absl::Time now) {
  if (!finding.has_value()) return;
  Log(now, NameOf(node), finding->text);
  if (finding->ends_job && !failure_.has_value()) failure_ = finding->text;
}

void Job::ReportDataLoaded(uint64_t node, const DataLoaded& loaded,
                           absl::Time now) {
  // What is known is all alike, or the job has failed already.
  if (const auto first = data_loaded_.begin();
      first != data_loaded_.end() &&
      (first->second.training_samples() != loaded.training_samples() ||
       first->second.validation_samples() != loaded.validation_samples() ||
       first->second.validation_bytes() != loaded.validation_bytes())) {
    const auto& [other, known] = *first;
    failure_ = absl::StrCat(
        "the workers have different data: worker ", other, " found ",
        known.training_samples(), " + ", known.validation_samples(),
        " samples, worker ", node, " ", loaded.training_samples(), " + ",
        loaded.validation_samples(),
        "; bytes of text to validate on: ", known.validation_bytes(), " and ",
        loaded.validation_bytes());
    Log(now, "scheduler", *failure_);
  }
  if (const auto problem = ProblemWith(loaded); problem.has_value()) {
    Fail(absl::StrCat("worker ", node, " found ", loaded.training_samples(),
                      " training samples", *problem),
         now);
  }
  data_loaded_[node] = loaded;
}

// Without this, a plan could have no steps, for which members would wait.
std::optional<std::string> Job::ProblemWith(const DataLoaded& loaded) const {
  if (loaded.training_samples() == 0 || loaded.training_samples() > kMaxSteps) {
    return absl::StrCat("; a job needs 1 to ", kMaxSteps);
  }
  const uint64_t epochs = spec_.schedule().epochs();
  if (epochs > kMaxSteps / StepsPerEpoch(spec_, loaded.training_samples())) {
    return absl::StrCat(", so that schedule.epochs, ", epochs,
                        ", makes more than ", kMaxSteps, " steps");
  }
  return std::nullopt;
}

}  // namespace hawser
