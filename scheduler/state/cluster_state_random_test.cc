// Random members, jobs, reports, restarts and time. Whatever happens:
//
// - micro-batches: the ranges of a plan with workers cover each one once;
// - a worker serves one job that has not ended at most;
// - a job's incarnation never falls, and rises with every plan;
// - a job goes back to a committed checkpoint or to its first step alone, and
//   no epoch is left out;
// - an accepted job ends once, and all of them end when they are cancelled;
// - orders change their version exactly when they change;
// - whose orders or status have changed is told as news;
// - a replay of the journal gives the durable state, also of one that was
//   compacted.
//
// A failure prints its seed; to see it again:
//   bazel test //scheduler/state:cluster_state_random_test
//       --test_arg=--gtest_random_seed=SEED
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

constexpr int kRounds = 4000;
// Until the random events have been everywhere.
constexpr int kMostRounds = 40000;
constexpr int kRoundsBetweenReplays = 400;

class ClusterStateRandomTest : public ClusterStateTest {
 protected:
  // True once in n times.
  bool OneIn(uint32_t n) { return random_() % n == 0; }

  uint64_t AnyNode() {
    return nodes_.empty() ? 0 : nodes_[random_() % nodes_.size()];
  }

  void Do() {
    switch (random_() % 16) {
      case 0:
        if (OneIn(2) || nodes_.size() < 8) {
          nodes_.push_back(Join(OneIn(3) ? SERVER : WORKER));
        }
        return;
      case 1:
        if (OneIn(4)) Leave(AnyNode());
        return;
      case 2:
        SubmitSome();
        return;
      case 3:
        if (OneIn(10)) {
          RestartAndComeBack();
        } else if (OneIn(8) && !names_.empty()) {
          const auto event = state_.Cancel(AnyName(), now_);
          if (event.ok()) Commit(*event);
          Settle();
        }
        return;
      case 4:
        // Somebody may be silent for long enough to be lost.
        PassWithout(
            OneIn(2) ? std::set<uint64_t>{AnyNode()} : std::set<uint64_t>{},
            absl::Milliseconds(random_() % 2500));
        return;
      default:
        if (names_.empty()) return;
        const std::string name = AnyName();
        if (!Get(name).plan().has_value()) return;
        if (OneIn(8)) {
          SaySomething(AnyNode(), name);
        } else {
          GoOn(name);
        }
    }
  }

  // Some do not come back, and some were started since.
  void RestartAndComeBack() {
    ListNodesResponse members;
    state_.DescribeNodes(now_, &members);
    Restart();
    told_.clear();
    for (const NodeStatus& member : members.nodes()) {
      const uint64_t node = member.node();
      if (OneIn(8)) continue;
      RegisterRequest request = requests_.at(node);
      if (!OneIn(20)) request.set_former_node(node);
      const auto now = state_.Register(request, now_);
      ASSERT_TRUE(now.ok()) << now.status();
      Settle();
      if (*now == node) {
        ASSERT_EQ(request.former_node(), node);
        continue;
      }
      ASSERT_GT(*now, *std::max_element(nodes_.begin(), nodes_.end()));
      nodes_.push_back(*now);
      requests_[*now] = request;
    }
  }

  std::string AnyName() {
    // Mostly the youngest jobs: the others have ended.
    const size_t young = OneIn(4) ? names_.size() : 6;
    return names_[names_.size() - 1 -
                  random_() % std::min(young, names_.size())];
  }

  void SubmitSome() {
    size_t active = 0;
    for (const Job* job : state_.Jobs()) active += job->ended() ? 0 : 1;
    if (active >= 6) return;
    const std::string name = absl::StrCat("job-", names_.size());
    JobSpec spec = Spec(name, 1 + random_() % 4, 1 + random_() % 3);
    if (OneIn(4)) spec.mutable_limits()->set_max_seconds(30);
    if (OneIn(4)) spec.mutable_limits()->set_max_queue_seconds(20);
    if (OneIn(4)) spec.mutable_placement()->set_block_elements(1 << 20);
    ASSERT_TRUE(Submit(spec).ok());
    names_.push_back(name);
    EXPECT_TRUE(absl::IsAlreadyExists(Submit(spec)));
  }

  // Any report, mostly out of place.
  void SaySomething(uint64_t node, const std::string& job) {
    ReportRequest report = From(node, job);
    if (OneIn(3)) report.set_incarnation(random_() % 2000);
    const uint64_t step = random_() % 10;
    switch (random_() % 7) {
      case 0:
        report.mutable_server_ready();
        break;
      case 1:
        *report.mutable_steps_done() = StepsOf(step, step + random_() % 4);
        if (OneIn(4)) report.mutable_steps_done()->set_step(random_() % 20);
        break;
      case 2:
        report.mutable_validation_done()->set_step(step);
        report.mutable_validation_done()->set_first_chunk(random_() % 3);
        report.mutable_validation_done()->set_last_chunk(random_() % 3);
        report.mutable_validation_done()->set_total_chunks(random_() % 4);
        break;
      case 3:
        report.mutable_checkpoint_written()->set_step(step % 9);
        break;
      case 4:
        report.mutable_data_loaded()->set_training_samples(
            OneIn(8) ? random_() % 100 : 64);
        report.mutable_data_loaded()->set_validation_samples(10);
        break;
      case 5:
        report.mutable_failed()->set_message("made up");
        report.mutable_failed()->set_permanent(OneIn(4));
        report.mutable_failed()->set_cannot_restore(OneIn(2));
        break;
      default:
        break;  // empty
    }
    Report(report).IgnoreError();
  }

  // What members do that follow their orders.
  void GoOn(const std::string& name) {
    const Job& job = Get(name);
    if (job.ended() || job.reattaching()) return;
    const Plan plan = *job.plan();
    if (plan.workers_size() == 0 || job.NeedsRollBack()) return;
    const uint64_t worker =
        plan.workers(static_cast<int>(random_() % plan.workers_size())).node();
    if (plan.total_steps() == 0) {
      LoadData(worker, name).IgnoreError();
      return;
    }
    const uint64_t server =
        plan.servers(static_cast<int>(random_() % plan.servers_size())).node();
    if (!job.ServersReady()) {
      EXPECT_TRUE(Ready(server, name).ok());
      return;
    }
    const uint64_t step = job.progress().step();
    switch (random_() % 4) {
      case 0: {
        // Steps up to the epoch's end, some of them again.
        const uint64_t first = step - random_() % (step + 1);
        const uint64_t last = std::min(step / 4 * 4 + 4, plan.total_steps());
        if (first < last) {
          EXPECT_TRUE(DoSteps(name, first, last).ok());
        }
        return;
      }
      case 1:
        if (step % 4 == 0 && step != 0) {
          Validate(worker, name, step, 0, 2).IgnoreError();
        }
        return;
      case 2:
        if (step % 4 == 0 && step != 0) WriteCheckpoints(name, step);
        return;
      default:
        if (step == plan.total_steps()) Hash(worker, name, step).IgnoreError();
    }
  }

  void CheckInvariants() {
    std::set<uint64_t> busy;
    for (const Job* job : state_.Jobs()) {
      if (job->ended() || !job->plan().has_value()) continue;
      uint32_t at = 0;
      for (const auto& worker : job->plan()->workers()) {
        ASSERT_TRUE(busy.insert(worker.node()).second);
        ASSERT_EQ(worker.first(), at);
        at = worker.last();
      }
      ASSERT_EQ(at, job->plan()->workers_size() == 0 ? 0u : 8u);
    }
    CheckNewEvents();
    CheckVersions();
    CheckNews();
  }

  void CheckNewEvents() {
    for (; checked_ < journal_.size(); ++checked_) {
      const JournalEvent& event = journal_[checked_];
      if (event.has_job_planned()) {
        const JobPlanned& planned = event.job_planned();
        ASSERT_EQ(ends_.count(planned.job()), 0u);
        uint64_t& known = incarnations_[planned.job()];
        ASSERT_GT(planned.plan().incarnation(), known);
        known = planned.plan().incarnation();
        ASSERT_EQ(planned.plan().job(), planned.job());
        CheckRollBack(planned);
      } else if (event.has_job_ended()) {
        ASSERT_TRUE(
            ends_.emplace(event.job_ended().job(), event.job_ended().state())
                .second);
      } else if (event.has_checkpoint_committed()) {
        const CheckpointCommitted& committed = event.checkpoint_committed();
        std::set<uint64_t>& known = checkpoints_[committed.job()];
        if (!known.empty()) {
          ASSERT_GT(committed.step(), *known.rbegin());
        }
        known.insert(committed.step());
      } else if (event.has_epoch_finished()) {
        const EpochFinished& finished = event.epoch_finished();
        ASSERT_EQ(finished.metrics().epoch(), ++epochs_[finished.job()]);
      }
    }
  }

  // To the last checkpoint, or, if that cannot be read, to one before; the
  // epochs after it are made again.
  void CheckRollBack(const JobPlanned& planned) {
    const Plan& plan = planned.plan();
    uint64_t& since = blocks_since_[planned.job()];
    if (plan.blocks_since() == since) return;
    ASSERT_EQ(plan.blocks_since(), plan.incarnation());
    ASSERT_EQ(plan.has_restore(), since != 0);
    since = plan.blocks_since();
    if (!plan.has_restore()) return;
    ++roll_backs_;
    const uint64_t step = plan.restore().step();
    std::set<uint64_t>& known = checkpoints_[planned.job()];
    ASSERT_TRUE(step == 0 || known.count(step) != 0);
    known.erase(known.upper_bound(step), known.end());
    uint64_t& epochs = epochs_[planned.job()];
    // Every epoch that ends before it is known.
    ASSERT_GE(epochs, step == 0 ? 0 : (step - 1) / 4);
    epochs = std::min(epochs, step / 4);
  }

  // For a member one version is one content, and one content is one version,
  // for ever.
  void CheckVersions() {
    for (const uint64_t node : nodes_) {
      const auto orders = state_.OrdersFor(node);
      if (!orders.ok()) continue;
      std::string content;
      for (const Plan& plan : orders->plans()) {
        absl::StrAppend(&content, plan.SerializeAsString());
      }
      const size_t hash = std::hash<std::string>()(content);
      const uint64_t version = orders->version();
      ASSERT_EQ(contents_[node].emplace(version, hash).first->second, hash);
      ASSERT_EQ(versions_[node].emplace(hash, version).first->second, version);
    }
  }

  void CheckNews() {
    const std::set<uint64_t> news = state_.TakeNews();
    std::map<uint64_t, std::string> now;
    for (const uint64_t node : nodes_) {
      const auto version = state_.OrdersVersion(node);
      now[node] = version.ok() ? absl::StrCat(*version) : "gone";
    }
    for (const Job* job : state_.Jobs()) {
      now[job->id()] = absl::StrCat(job->revision());
    }
    for (const auto& [subject, state] : now) {
      const auto known = told_.find(subject);
      if (known == told_.end() || known->second == state) continue;
      ASSERT_EQ(news.count(subject), 1u) << subject;
    }
    told_ = std::move(now);
  }

  int Ended(JobState as) const {
    return static_cast<int>(
        std::count_if(ends_.begin(), ends_.end(),
                      [as](const auto& end) { return end.second == as; }));
  }
  bool HasBeenEverywhere() const {
    return Ended(SUCCEEDED) > 0 && Ended(FAILED) > 0 && Ended(CANCELLED) > 0 &&
           roll_backs_ > 0;
  }

  void CheckReplay() {
    ClusterState restored(absl::Seconds(5));
    for (const auto& event : journal_) restored.Apply(event);
    const auto jobs = state_.Jobs();
    const auto again = restored.Jobs();
    ASSERT_EQ(again.size(), jobs.size());
    for (size_t i = 0; i < jobs.size(); ++i) {
      JobStatus before, after;
      jobs[i]->Describe(/*with_plan=*/true, now_, &before);
      again[i]->Describe(/*with_plan=*/true, now_, &after);
      if (before.state() == SUCCEEDED) {
        ASSERT_EQ(after.step(), before.step());
      }
      std::string difference;
      google::protobuf::util::MessageDifferencer differencer;
      differencer.ReportDifferencesToString(&difference);
      ASSERT_TRUE(differencer.Compare(DurablePart(before), DurablePart(after)))
          << difference;
    }
  }

  std::mt19937 random_;
  std::vector<uint64_t> nodes_;
  std::vector<std::string> names_;
  size_t checked_ = 0;
  std::map<uint64_t, uint64_t> incarnations_, epochs_, blocks_since_;  // by job
  std::map<uint64_t, std::set<uint64_t>> checkpoints_;                 // by job
  int roll_backs_ = 0;
  std::map<uint64_t, JobState> ends_;
  std::map<uint64_t, std::map<uint64_t, size_t>> contents_;  // by version
  std::map<uint64_t, std::map<size_t, uint64_t>> versions_;  // by hash
  std::map<uint64_t, std::string> told_;                     // by node and job
};

TEST_F(ClusterStateRandomTest, InvariantsHoldUnderAnything) {
  const int given = testing::GTEST_FLAG(random_seed);
  const uint32_t seed = given != 0 ? static_cast<uint32_t>(given)
                                   : 1 + std::random_device()() % 99999;
  SCOPED_TRACE(absl::StrCat("--gtest_random_seed=", seed));
  RecordProperty("seed", static_cast<int>(seed));
  random_.seed(seed);
  for (int round = 1; round <= kRounds || !HasBeenEverywhere(); ++round) {
    ASSERT_LE(round, kMostRounds);
    Do();
    CheckInvariants();
    if (round % kRoundsBetweenReplays == 0) {
      CheckReplay();
      Compact();
      checked_ = journal_.size();
    }
    if (HasFatalFailure()) return;
  }
  for (const std::string& name : names_) {
    if (!Get(name).ended()) Cancel(name);
  }
  CheckInvariants();
  CheckReplay();
  if (HasFatalFailure()) return;
  EXPECT_EQ(ends_.size(), names_.size());
  EXPECT_EQ(Ended(SUCCEEDED) + Ended(FAILED) + Ended(CANCELLED),
            static_cast<int>(ends_.size()));
  RecordProperty("succeeded", Ended(SUCCEEDED));
}

}  // namespace
}  // namespace hawser
