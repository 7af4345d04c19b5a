#include "tests/simulation/invariants.h"

#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hawser::simulation {
namespace {

bool IsFinal(JobState state) {
  return state == SUCCEEDED || state == FAILED || state == CANCELLED;
}

// What all members are told of a plan alike, briefly.
std::string Members(const Plan& plan) {
  std::string text =
      absl::StrCat("job ", plan.job(), " steps ", plan.total_steps());
  for (const ServerEndpoint& server : plan.servers()) {
    absl::StrAppend(&text, " server ", server.node());
  }
  return text;
}

std::string Describe(const Metrics& metrics) {
  return absl::StrCat(metrics.samples(), " samples, ", metrics.correct(),
                      " correct, loss ", metrics.loss_nanonats());
}

// Of all but the seconds, which are a run's own.
std::string Describe(const EpochMetrics& epoch) {
  return absl::StrCat("epoch ", epoch.epoch(), ": ", Describe(epoch.training()),
                      "; validation ", Describe(epoch.validation()));
}

}  // namespace

void Invariants::Fail(absl::string_view what) {
  if (!failure_.has_value()) failure_ = std::string(what);
}

void Invariants::FailIf(const std::optional<std::string>& what) {
  if (what.has_value()) Fail(*what);
}

void Invariants::Give(uint64_t number, absl::string_view what) {
  const auto [given, is_new] = numbers_.emplace(number, what);
  if (!is_new) {
    Fail(absl::StrCat("number ", number, ", given to ", given->second,
                      ", is given to ", what, ", too"));
  }
}

void Invariants::Registered(uint64_t node, const std::string& who) {
  const auto known = numbers_.find(node);
  if (known != numbers_.end() && known->second == who) return;  // given back
  Give(node, who);
}

void Invariants::Accepted(uint64_t job) {
  if (job_number_ == job) return;  // told again
  Give(job, "a job");
  job_number_ = job;
}

void Invariants::Ordered(const Plan& plan) {
  const auto [known, is_new] =
      plans_.emplace(plan.incarnation(), std::string());
  if (is_new) {
    Give(plan.incarnation(), "a plan");
    known->second = Members(plan);
  } else if (known->second != Members(plan)) {
    Fail(absl::StrCat("incarnation ", plan.incarnation(), " was ",
                      known->second, " and is ", Members(plan)));
  }
  if (is_new) CheckRestored(plan);
  if (is_new) FailIf(once_.Ordered(plan));
  // Servers are told all workers' places, a worker its own.
  auto& places = places_[plan.incarnation()];
  for (const MicroBatchRange& worker : plan.workers()) {
    const std::pair place = {worker.first(), worker.last()};
    if (places.emplace(worker.node(), place).first->second == place) continue;
    Fail(absl::StrCat("incarnation ", plan.incarnation(), ": worker ",
                      worker.node(), " has two places"));
  }
}

void Invariants::CheckRestored(const Plan& plan) {
  if (plan.blocks_size() == 0) return;
  // One that has not run yet begins anew, and loses nothing.
  const bool has_run = job_.state() == RUNNING || job_.state() == FINISHING;
  if (has_run && newest_.blocks_size() != 0 &&
      plan.blocks_since() > newest_.blocks_since()) {
    CheckNothingWasLeft(plan);
  }
  if (plan.incarnation() > newest_.incarnation()) newest_ = plan;
  const uint64_t step = plan.restore().step();
  const auto [known, is_new] = restored_.emplace(plan.blocks_since(), step);
  if (!is_new && known->second != step) {
    Fail(absl::StrCat("what was restored at step ", known->second,
                      " is to be restored at step ", step));
  }
  if (!is_new || step == 0) return;
  const std::string manifest = plan.restore().directory() + "/manifest.json";
  if (!std::filesystem::exists(manifest)) {
    Fail(absl::StrCat("step ", step, " is to be restored, without ", manifest));
  }
}

// Those that the plan before names and this one does not are lost.
void Invariants::CheckNothingWasLeft(const Plan& rolled_back) {
  std::set<uint64_t> left;
  for (const ServerEndpoint& server : rolled_back.servers()) {
    left.insert(server.node());
  }
  if (newest_.moves_size() != 0) return;  // some copies are not filled yet
  for (const Block& block : newest_.blocks()) {
    const auto is_left = [&](uint32_t server) {
      return left.count(newest_.servers(static_cast<int>(server)).node()) != 0;
    };
    if (is_left(block.server())) continue;
    if (block.replica() != 0 && is_left(block.replica() - 1)) continue;
    return;
  }
  Fail(absl::StrCat("incarnation ", rolled_back.incarnation(),
                    " rolls back, though each block of incarnation ",
                    newest_.incarnation(), " is left on a server"));
}

bool Invariants::ended() const { return IsFinal(job_.state()); }

void Invariants::Told(const JobStatus& status) {
  if (ended()) {
    // A restarted scheduler counts revisions and steps anew.
    if (status.state() != job_.state() || status.reason() != job_.reason() ||
        status.parameters_sha256() != job_.parameters_sha256() ||
        status.epochs_done_size() != job_.epochs_done_size()) {
      Fail(absl::StrCat("the job had ended as ", JobState_Name(job_.state()),
                        " and changed: ", job_.ShortDebugString(), " became ",
                        status.ShortDebugString()));
    }
    return;
  }
  const bool is_rolled_back =
      status.blocks_since() > job_.blocks_since() &&
      status.restored_step() >= job_.checkpoint_step() &&
      status.step() >= status.restored_step();
  const bool falls = status.step() < job_.step() && !is_rolled_back;
  const bool loses_epochs = status.epoch() < job_.epoch() && !is_rolled_back;
  if (loses_epochs || (falls && falls_allowed_ == 0)) {
    Fail(absl::StrCat("the job went back from step ", job_.step(), ", epoch ",
                      job_.epoch(), " to step ", status.step(), ", epoch ",
                      status.epoch()));
  }
  if (falls) --falls_allowed_;
  job_ = status;
  if (job_.state() == SUCCEEDED) CheckEnd();
}

void Invariants::CheckEnd() {
  FailIf(once_.Succeeded());
  if (reference_ == nullptr) return;
  const JobStatus& expected = reference_->end;
  if (!reference_->has_one_result) {
    CheckSamples();
    return;
  }
  if (job_.parameters_sha256() != expected.parameters_sha256()) {
    Fail(absl::StrCat(
        "the job's parameters have hash ", job_.parameters_sha256(),
        ", those of the fault-free run ", expected.parameters_sha256()));
  }
  if (job_.step() != expected.step() ||
      job_.checkpoint_step() != expected.step()) {
    Fail(absl::StrCat("the job succeeded at step ", job_.step(),
                      " with a checkpoint of step ", job_.checkpoint_step(),
                      "; it has ", expected.step(), " steps"));
  }
  if (job_.epochs_done_size() != expected.epochs_done_size()) {
    Fail(absl::StrCat("the job has ", job_.epochs_done_size(),
                      " epochs, the fault-free run ",
                      expected.epochs_done_size()));
    return;
  }
  for (int i = 0; i < job_.epochs_done_size(); ++i) {
    const std::string got = Describe(job_.epochs_done(i));
    const std::string wanted = Describe(expected.epochs_done(i));
    if (got == wanted) continue;
    Fail(absl::StrCat(got, "; in the fault-free run ", wanted));
  }
}

void Invariants::CheckSamples() {
  const JobStatus& expected = reference_->end;
  if (job_.epochs_done_size() != expected.epochs_done_size()) {
    Fail(absl::StrCat("the job has ", job_.epochs_done_size(),
                      " epochs, the synchronous run ",
                      expected.epochs_done_size()));
    return;
  }
  for (int i = 0; i < job_.epochs_done_size(); ++i) {
    const EpochMetrics& got = job_.epochs_done(i);
    const EpochMetrics& wanted = expected.epochs_done(i);
    if (got.training().samples() != wanted.training().samples() ||
        got.validation().samples() != wanted.validation().samples()) {
      Fail(absl::StrCat(Describe(got), "; in the synchronous run ",
                        Describe(wanted)));
    }
  }
  if (job_.step() != job_.total_steps() ||
      job_.checkpoint_step() != job_.total_steps()) {
    Fail(absl::StrCat("the job succeeded at step ", job_.step(),
                      " with a checkpoint of step ", job_.checkpoint_step(),
                      "; it has ", job_.total_steps(), " steps"));
  }
}

void Invariants::Answered(const FrameHeader& block) {
  if (reference_ != nullptr && !reference_->has_one_result) return;
  // Of a block as gradients are computed with it, and as it is.
  const std::tuple<uint64_t, uint32_t, CodecId> key = {block.clock, block.block,
                                                       block.codec};
  if (reference_ == nullptr) {
    recorded_.blocks[key] = block.payload_crc32c;
    return;
  }
  const auto expected = reference_->blocks.find(key);
  if (expected == reference_->blocks.end() ||
      expected->second != block.payload_crc32c) {
    Fail(absl::StrCat("block ", block.block, " of version ", block.clock,
                      " is not that of the fault-free run"));
  }
}

void Invariants::Acknowledged(const FrameHeader& ack) {
  if (ack.run != 0) FailIf(once_.Acknowledged(ack));
}

void Invariants::Serves(const Process& server, const ServerDriver& driver) {
  const auto shard = driver.Find(job_number_);
  if (shard == nullptr) return;
  const uint64_t step = shard->completed_steps();
  const uint64_t blocks_since = shard->blocks_since();
  const std::pair holds = {shard->placed_since(), shard->blocks_held()};
  Version& known = versions_[server.number()];
  const bool same_blocks =
      known.blocks_since == blocks_since && known.holds == holds;
  if (known.life == server.life() &&
      (same_blocks ? step < known.step : blocks_since < known.blocks_since)) {
    Fail(absl::StrCat(server.name(), " went back from version ", known.step,
                      " to ", step));
  }
  if (step < restored_[blocks_since]) {
    Fail(absl::StrCat(server.name(), " is at version ", step,
                      ", before the step that it was to restore"));
  }
  known = {server.life(), blocks_since, holds, step};
}

Reference Invariants::TakeReference() {
  recorded_.end = job_;
  return std::move(recorded_);
}

}  // namespace hawser::simulation
