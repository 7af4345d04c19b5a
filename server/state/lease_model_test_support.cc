#include "server/state/lease_model_test_support.h"

#include <algorithm>
#include <iostream>

#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr int kMostEvents = 200000;

std::vector<uint64_t> FirstNodes(size_t count) {
  std::vector<uint64_t> nodes;
  for (uint64_t node = 1; node <= count; ++node) nodes.push_back(node);
  return nodes;
}

}  // namespace

LeaseModel::LeaseModel(const ModelJob& job, const std::vector<double>& speeds,
                       const ModelOptions& options)
    : job_(job),
      options_(options),
      draws_(options.seed),
      plan_(PlanOf(job, FirstNodes(speeds.size()))),
      schedule_(plan_),
      leases_(std::make_unique<MicroBatchLeases>(plan_, job.validation_chunks)),
      audit_(plan_, job.validation_chunks),
      blocks_(job.blocks, ModelBlock(plan_)) {
  for (const double speed : speeds) workers_[next_node_++].speed = speed;
  for (const uint64_t node : Nodes()) Begin(node);
}

// --- What happens to workers ------------------------------------------------

void LeaseModel::At(double seconds, std::function<void()> action) {
  events_[{start_ + absl::Seconds(seconds), next_event_++}] = std::move(action);
}

void LeaseModel::Later(uint64_t node, double seconds,
                       std::function<void()> action) {
  LaterAt(node, Seconds() + seconds, std::move(action));
}

void LeaseModel::LaterAt(uint64_t node, double seconds,
                         std::function<void()> action) {
  const uint64_t life = workers_.at(node).life;
  At(seconds, [this, node, life, action = std::move(action)] {
    const auto worker = workers_.find(node);
    if (worker != workers_.end() && worker->second.life == life) action();
  });
}

double LeaseModel::Message() {
  return options_.message_seconds == 0
             ? 0
             : options_.message_seconds * draws_.Uniform();
}

void LeaseModel::Print(uint64_t node, const std::string& what) const {
  if (!options_.prints) return;
  std::cout << Seconds() << " worker " << node << ": " << what << "\n";
}

void LeaseModel::Lose(uint64_t node) {
  Print(node, "is lost");
  workers_.erase(node);
  ++missed_;
  At(Seconds() + options_.detection_seconds, [this] {
    --missed_;
    Adopt();
  });
}

void LeaseModel::Join(double speed) {
  workers_[next_node_++].speed = speed;
  Adopt();
}

void LeaseModel::StartOver(uint64_t node) {
  Print(node, "starts over");
  ++workers_.at(node).life;
  if (!workers_.at(node).over) Begin(node);
}

void LeaseModel::Pause(uint64_t node, double seconds) {
  workers_.at(node).pause_seconds = seconds;
}

bool LeaseModel::OrderCheckpoint(uint64_t step) {
  ordered_ = step;
  if (!leases_->OrderCheckpoint(step)) return false;
  audit_.Ordered(step);
  return true;
}

void LeaseModel::Change(const SynchronisationSpec& synchronisation) {
  Adopt();  // a pause: nobody works until the next plan is there
  uint64_t from = 0;
  for (ModelBlock& block : blocks_) from = std::max(from, block.Adopt(plan_));
  std::vector<Phase>& phases = job_.phases;
  while (phases.size() > 1 && phases.back().from_step() >= from) {
    phases.pop_back();
  }
  Phase phase;
  phase.set_from_step(from);
  *phase.mutable_synchronisation() = synchronisation;
  phases.push_back(phase);
  Adopt();
}

void LeaseModel::Adopt() {
  if (workers_.empty()) return;
  Tell(blocks_[0].version());
  plan_ = PlanOf(job_, Nodes(), plan_.incarnation() + 1);
  schedule_ = StepSchedule(plan_);
  reads_.clear();
  for (ModelBlock& block : blocks_) block.Adopt(plan_);
  audit_.Adopt(plan_);
  leases_->Adopt(plan_);
  if (options_.move_probability > 0 &&
      draws_.Chance(options_.move_probability)) {
    MoveLeases();
  }
  for (auto& [node, worker] : workers_) {
    Print(node, "has a new plan");
    ++worker.life;
    worker.over = false;
    Begin(node);
  }
}

void LeaseModel::MoveLeases() {
  LeaseState state;  // as it comes over a wire
  EXPECT_TRUE(state.ParseFromString(leases_->Export().SerializeAsString()));
  leases_ = std::make_unique<MicroBatchLeases>(plan_, job_.validation_chunks);
  EXPECT_TRUE(leases_->Restore(state).ok());
  audit_.ForgetOrders();
  OrderCheckpoint(ordered_);
}

// --- The job ----------------------------------------------------------------

uint64_t LeaseModel::LeastVersion() const {
  uint64_t least = blocks_[0].version();
  for (const ModelBlock& block : blocks_) {
    least = std::min(least, block.version());
  }
  return least;
}

uint64_t LeaseModel::Progress() const {
  const uint64_t least = LeastVersion();
  return std::min(least, leases_->UnfinishedStep().value_or(least));
}

// Tells everybody what has become of the blocks.
void LeaseModel::Settle() {
  audit_.SetVersions(blocks_[0].version(), LeastVersion());
  if (blocks_[0].version() > telling_) {
    telling_ = blocks_[0].version();
    on_step_(telling_);
    At(Seconds() + Message(), [this, version = telling_] { Tell(version); });
  }
  for (size_t b = 0; b < blocks_.size(); ++b) {
    for (const uint64_t token : blocks_[b].Released()) {
      const auto read = reads_.extract(token);
      if (read.empty()) continue;
      const auto [node, life] = read.mapped();
      const auto worker = workers_.find(node);
      if (worker == workers_.end() || worker->second.life != life) continue;
      Served(node, b);
    }
  }
}

void LeaseModel::Tell(uint64_t version) {
  if (version <= told_) return;
  told_ = version;
  audit_.StepCompleted(version);
  Grant(leases_->StepCompleted(version, now_));
}

bool LeaseModel::Over() const {
  return missed_ == 0 && audit_.hashes() != 0 &&
         LeastVersion() == schedule_.total_steps() &&
         std::all_of(workers_.begin(), workers_.end(),
                     [](const auto& each) { return each.second.over; });
}

void LeaseModel::Run() {
  for (int i = 0; i < kMostEvents; ++i) {
    if (Over()) {
      audit_.CheckComplete();
      return;
    }
    if (testing::Test::HasFailure()) return;
    const absl::Time deadline = leases_->NextDeadline(now_);
    EXPECT_GT(deadline, now_);
    if (events_.empty() && deadline == absl::InfiniteFuture()) {
      ADD_FAILURE() << "nobody can go on: block 0 is at step "
                    << blocks_[0].version() << " of "
                    << schedule_.total_steps();
      return;
    }
    if (events_.empty() || deadline < events_.begin()->first.first) {
      now_ = deadline;
      Grant(leases_->Tick(now_));
      continue;
    }
    const auto event = events_.extract(events_.begin());
    now_ = event.key().first;
    event.mapped()();
  }
  ADD_FAILURE() << "no end in sight";
}

double LeaseModel::Throughput() const {
  double speeds = 0;
  for (const auto& [node, worker] : workers_) speeds += worker.speed;
  return static_cast<double>(blocks_[0].counted()) / Seconds() / speeds;
}

std::vector<uint64_t> LeaseModel::Nodes() const {
  std::vector<uint64_t> nodes;
  for (const auto& [node, worker] : workers_) nodes.push_back(node);
  return nodes;
}

}  // namespace hawser
