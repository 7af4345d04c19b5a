// Workers come and go and the synchronisation changes, at random: whatever
// happens, every sample counts once, every epoch is validated, and the job
// ends.
//
// The seed of a run is printed; HAWSER_SEED=N replays it, as far as threads
// allow.
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/training/tiny_cluster.h"

namespace hawser {
namespace {

constexpr uint64_t kEpochs = 6;
constexpr uint64_t kSeeds = 40;
constexpr int kMaxTries = 10000;

constexpr const char* kScheduling[] = {
    "",
    "scheduling { policy: DYNAMIC }",
    "scheduling { policy: DYNAMIC leases: ROUND_ROBIN }",
    "scheduling { policy: DYNAMIC leases: LEAST_LOAD no_backups: true }",
};
constexpr const char* kSynchronisation[] = {
    "mode: SYNCHRONOUS local_steps: 1",
    "mode: SYNCHRONOUS local_steps: 3 outer { learning_rate: 1 }",
    "mode: ASYNCHRONOUS local_steps: 1",
    "mode: ASYNCHRONOUS local_steps: 2 outer { learning_rate: 1 }",
    "mode: BOUNDED_STALENESS local_steps: 1",
    "mode: BOUNDED_STALENESS staleness: 2 local_steps: 1",
    "mode: BOUNDED_STALENESS staleness_seconds: 0.0001 local_steps: 1",
};

class Life {
 public:
  explicit Life(uint64_t seed)
      : random_(seed),
        servers_(1 + Below(2)),
        cluster_(servers_),
        plan_(MakePlan(
            servers_, Nodes(), 1, RANDOM,
            std::string(Pick(kScheduling)) +
                (Below(2) == 0 ? "optimizer { clip_global_norm: 1 }" : ""))) {
    Parse(plan_.mutable_phases(0)->mutable_synchronisation());
    plan_.set_total_steps(StepSchedule(plan_).total_steps());
    cluster_.Adopt(plan_);
  }

  void Run() {
    uint64_t until = 0;
    for (uint64_t changes = Below(8); changes > 0; --changes) {
      until += Below(5);
      if (until >= plan_.total_steps()) break;
      RunUntil(until);
      if (Below(2) == 0) ChangeWorkers();
      if (Below(2) == 0) ChangePhase();
      if (Below(2) == 0) Move();
    }
    RunUntil(plan_.total_steps());
    EXPECT_EQ(cluster_.AwaitTrained(kEpochs * kTraining), kEpochs * kTraining);
    Finish();
    EXPECT_EQ(cluster_.AwaitHash().size(), 64u);
    const StepSchedule schedule(plan_);
    const auto validated = cluster_.validated();
    for (uint64_t epoch = 1; epoch <= kEpochs; ++epoch) {
      EXPECT_EQ(validated.count(schedule.StepsAtEndOf(epoch)), 1u) << epoch;
    }
  }

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  template <size_t n>
  const char* Pick(const char* const (&choices)[n]) {
    return choices[Below(n)];
  }
  void Parse(SynchronisationSpec* spec) {
    spec->Clear();
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        Pick(kSynchronisation), spec));
  }
  // 1 to 6 workers, some of them with nothing to do: there are 4 micro-batches.
  std::vector<uint64_t> Nodes() {
    std::vector<uint64_t> nodes;
    const uint64_t count = 1 + Below(6);
    for (uint64_t i = 0; i < count; ++i) nodes.push_back(kFirstWorker + i);
    return nodes;
  }

  void Adopt() {
    plan_.set_incarnation(plan_.incarnation() + 1);
    cluster_.Adopt(plan_);
  }
  void ChangeWorkers() {
    *plan_.mutable_workers() = MakePlan(servers_, Nodes(), 1).workers();
    Adopt();
  }
  void ChangePhase() {
    plan_.set_pause(true);
    Adopt();
    const uint64_t from = cluster_.untouched();
    while (plan_.phases_size() > 1 &&
           plan_.phases(plan_.phases_size() - 1).from_step() >= from) {
      plan_.mutable_phases()->RemoveLast();
    }
    plan_.add_phases()->set_from_step(from);
    Parse(plan_.mutable_phases(plan_.phases_size() - 1)
              ->mutable_synchronisation());
    plan_.set_total_steps(StepSchedule(plan_).total_steps());
    plan_.set_pause(false);
    Adopt();
  }

  // Blocks go anywhere, and may leave servers without any.
  void Move() {
    std::vector<uint32_t> to;
    for (int i = 0; i < plan_.blocks_size(); ++i) {
      to.push_back(static_cast<uint32_t>(Below(servers_)));
    }
    cluster_.Move([&](uint32_t block) { return to[block]; }, &plan_);
  }

  void Start() {
    for (const auto& range : plan_.workers()) {
      workers_.push_back(
          std::make_unique<Worker>(&cluster_, plan_, range.node()));
    }
  }
  // As the driver does: who fails tries again.
  void TryAgain() {
    for (size_t i = 0; i < workers_.size(); ++i) {
      if (workers_[i]->Status().ok()) continue;
      ASSERT_LT(++tries_, kMaxTries) << workers_[i]->Status();
      const uint64_t node = plan_.workers(static_cast<int>(i)).node();
      workers_[i] = std::make_unique<Worker>(&cluster_, plan_, node);
    }
  }
  void RunUntil(uint64_t step) {
    Start();
    while (cluster_.Step(plan_) < step) {
      // A stream breaks, in the middle of whatever it is.
      if (Below(100) == 0) workers_[Below(workers_.size())]->Cancel();
      ASSERT_NO_FATAL_FAILURE(TryAgain());
      std::this_thread::yield();
    }
    for (const auto& worker : workers_) worker->Cancel();
    workers_.clear();
    // Those who begin again are of a new incarnation, as in a cluster.
    Adopt();
  }
  void Finish() {
    Start();
    for (auto& worker : workers_) {
      while (!worker->Join().ok()) ASSERT_NO_FATAL_FAILURE(TryAgain());
    }
  }

  std::mt19937_64 random_;
  const uint32_t servers_;
  Cluster cluster_;
  Plan plan_;
  std::vector<std::unique_ptr<Worker>> workers_;
  int tries_ = 0;
};

TEST(RandomChangesTest, NothingIsLost) {
  const char* given = std::getenv("HAWSER_SEED");
  const uint64_t first = given != nullptr ? std::stoull(given) : 1;
  const uint64_t last = given != nullptr ? first + 1 : first + kSeeds;
  for (uint64_t seed = first; seed < last; ++seed) {
    SCOPED_TRACE("HAWSER_SEED=" + std::to_string(seed));
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    Life(seed).Run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace hawser
