// Three schedulers stand for election at one etcd and append to its journal,
// while they crash and stop, requests are lost, late and repeated, and nobody
// reaches etcd. The election and the journal are the real ones.
//
// What must hold: what was acknowledged is in the journal, and what was refused
// is not; appends are in the order in which they were made, those of who led
// earlier before those of who led later; and, where clocks run true, never do
// two lead.
// HAWSER_SIMULATION_SEED and HAWSER_SIMULATION_RUNS choose seeds.
#include "scheduler/etcd/election.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "gtest/gtest.h"
#include "scheduler/etcd/etcd_journal.h"
#include "scheduler/etcd/memory_etcd.h"
#include "tests/simulation/etcd_link.h"
#include "tests/simulation/network.h"

namespace hawser::simulation {
namespace {

constexpr uint64_t kRuns = 300;
constexpr uint32_t kCandidates = 3;
constexpr uint32_t kFaults = 20;
constexpr absl::Duration kLease = absl::Seconds(5);
constexpr absl::Duration kFaultsOver = absl::Seconds(100);
constexpr absl::Duration kLeadsAgain = absl::Seconds(125);
constexpr absl::Duration kEnd = absl::Seconds(180);

// (time in office, number of the append in it)
using Entry = std::pair<int64_t, uint64_t>;

JournalEvent EventOf(const Entry& entry) {
  JournalEvent event;
  event.set_unix_ms(entry.first);
  event.mutable_numbers_reserved()->set_limit(entry.second);
  return event;
}

Entry EntryOf(const JournalEvent& event) {
  return {event.unix_ms(), event.numbers_reserved().limit()};
}

// What all candidates of a run share.
struct Trial {
  explicit Trial(uint64_t run_seed)
      : seed(run_seed),
        random(run_seed, SeededRandom::Purpose::kSetup),
        network(world,
                {.most_delay = absl::Milliseconds(20),
                 .late = 0.05,
                 .most_late_delay = absl::Seconds(8),
                 .lost = 0.05,
                 .repeated = 0.1},
                SeededRandom(run_seed, SeededRandom::Purpose::kNetwork)) {}

  void Break(const std::string& what) {
    if (broken.empty()) broken = absl::StrCat("seed ", seed, ": ", what);
  }

  const uint64_t seed;
  SeededRandom random;
  Timeline timeline;
  EventLog log{&timeline, std::getenv("HAWSER_TRACE") ? &std::cerr : nullptr};
  StackPool stacks;
  World world{&timeline, &log, &stacks};
  Network network;
  Process etcd_process{world, 0, "etcd"};
  MemoryEtcd etcd{&etcd_process};
  std::vector<std::unique_ptr<Process>> processes;
  std::vector<const Election*> elections;  // null: down

  bool clocks_run_true = true;
  std::vector<Entry> acknowledged;
  std::vector<Entry> refused;  // by a journal that still led
  absl::Duration last_acknowledged;
  std::set<int64_t> offices;
  std::string broken;  // empty: all holds
};

class Idle : public Program {};

class Candidate : public Program {
 public:
  Candidate(Trial* run, uint32_t number)
      : run_(run),
        number_(number),
        process_(run->processes[number].get()),
        link_(&run->network, process_, &run->etcd_process, &run->etcd,
              kLease / 4),
        election_({"/h/leader", kLease}, &link_, process_, process_),
        journal_(&link_, "/h", &election_, process_, /*part_bytes=*/12) {
    run_->elections[number_] = &election_;
    election_.Start({process_->name(), ""});
    thread_ = process_->Start([this] {
      while (election_.AwaitOffice()) {
        Lead();
        election_.Resign();
      }
    });
  }
  ~Candidate() override { run_->elections[number_] = nullptr; }

 private:
  void Lead() {
    const auto office = election_.Leads();
    if (!office.has_value()) return;
    const std::vector<Entry> before = run_->acknowledged;
    std::set<Entry> found;
    if (!journal_
             .Replay([&](const JournalEvent& event) {
               found.insert(EntryOf(event));
             })
             .ok()) {
      return;
    }
    for (const Entry& entry : before) {
      if (found.count(entry) == 0) run_->Break("a leader missed an append");
    }
    run_->offices.insert(*office);
    uint64_t number = 0;
    while (journal_.CheckLeads().ok()) {
      CheckOneLeads();
      std::vector<Entry> entries;
      std::vector<JournalEvent> events;
      for (uint64_t i = run_->random.Below(3); i < 3; ++i) {
        entries.emplace_back(*office, ++number);
        events.push_back(EventOf(entries.back()));
      }
      if (!journal_.Append(events).ok()) {
        // They are not in, or it does not lead any more.
        if (!journal_.CheckLeads().ok()) return;
        for (const Entry& entry : entries) run_->refused.push_back(entry);
        continue;
      }
      for (const Entry& entry : entries) run_->acknowledged.push_back(entry);
      run_->last_acknowledged = run_->timeline.elapsed();
      process_->Sleep(
          run_->random.Between(absl::ZeroDuration(), absl::Milliseconds(500)));
    }
  }

  void CheckOneLeads() {
    int leading = 0;
    for (const Election* election : run_->elections) {
      if (election != nullptr && election->Leads().has_value()) ++leading;
    }
    if (leading > 1 && run_->clocks_run_true) run_->Break("two lead at once");
  }

  Trial* const run_;
  const uint32_t number_;
  Process* const process_;
  EtcdLink link_;
  Election election_;
  EtcdJournal journal_;
  std::unique_ptr<Threads::Thread> thread_;
};

void Boot(Trial* run, uint32_t number) {
  if (run->processes[number]->up()) return;
  run->processes[number]->Boot(
      [&] { return std::make_unique<Candidate>(run, number); });
}

// One thing that goes wrong at `from` and is over at `to`.
void Schedule(Trial* run, uint64_t cut, absl::Duration from,
              absl::Duration to) {
  const auto number = static_cast<uint32_t>(run->random.Below(kCandidates));
  Process* const process = run->processes[number].get();
  std::function<void()> begin;
  std::function<void()> end;
  switch (run->random.Below(5)) {
    case 0:
      begin = [=] { run->network.Crash(process); };
      end = [=] { Boot(run, number); };
      break;
    case 1:
      begin = [=] { process->Pause(); };
      end = [=] { process->Continue(); };
      break;
    case 2:
      begin = [=] {
        run->network.Cut(cut, {process->number()},
                         {run->etcd_process.number()});
      };
      end = [=] { run->network.Heal(cut); };
      break;
    case 3:
      begin = [=] { run->etcd_process.Pause(); };
      end = [=] { run->etcd_process.Continue(); };
      break;
    default:
      if (run->clocks_run_true) return;
      begin = [=, rate = run->random.Chance(0.5) ? 0.3 : 3.0] {
        process->SetClockRate(rate);
      };
      end = [=] { process->SetClockRate(1); };
      break;
  }
  run->timeline.After(from, std::move(begin));
  run->timeline.After(to, std::move(end));
}

void CheckJournal(Trial* run) {
  // By one that leads and asks etcd itself.
  class Seat : public LeaderSeat {
   public:
    const std::string& key() const override { return key_; }
    std::optional<int64_t> Leads() const override { return 1; }
    void Lost(int64_t) override {}

   private:
    const std::string key_ = "/h/leader";
  } seat;
  EtcdJournal journal(&run->etcd, "/h", &seat, RealThreads());
  std::set<Entry> found;
  Entry last = {0, 0};
  const absl::Status status = journal.Replay([&](const JournalEvent& event) {
    const Entry entry = EntryOf(event);
    if (entry <= last) {
      run->Break(absl::StrCat("append ", entry.second, " of office ",
                              entry.first, " follows ", last.second, " of ",
                              last.first));
    }
    last = entry;
    found.insert(entry);
  });
  if (!status.ok()) run->Break(std::string(status.message()));
  for (const Entry& entry : run->acknowledged) {
    if (found.count(entry) == 0) run->Break("an append was lost");
  }
  for (const Entry& entry : run->refused) {
    if (found.count(entry) != 0) run->Break("a refused append is there");
  }
  if (run->last_acknowledged < kLeadsAgain) run->Break("nobody leads any more");
}

void Play(Trial* run) {
  run->clocks_run_true = run->random.Chance(0.7);
  run->elections.resize(kCandidates);
  for (uint32_t i = 0; i < kCandidates; ++i) {
    run->processes.push_back(std::make_unique<Process>(
        run->world, i + 1, absl::StrCat("scheduler ", i)));
  }
  run->etcd_process.Boot([] { return std::make_unique<Idle>(); });
  for (uint32_t i = 0; i < kCandidates; ++i) Boot(run, i);
  for (uint64_t i = 1; i <= kFaults; ++i) {
    const absl::Duration from =
        run->random.Between(absl::ZeroDuration(), kFaultsOver);
    const absl::Duration lasts =
        run->random.Between(absl::ZeroDuration(), 2 * kLease);
    Schedule(run, i, from, std::min(from + lasts, kFaultsOver));
  }
  bool over = false;
  run->timeline.After(kEnd, [&] { over = true; });
  while (!over && run->timeline.RunNext()) {
  }
  run->network.Close();
  for (const auto& process : run->processes) process->Crash();
  run->etcd_process.Crash();
  run->timeline.Clear();
  CheckJournal(run);
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

TEST(ElectionTest, FreshSeeds) {
  FLAGS_minloglevel = google::FATAL;
  const uint64_t first = FromEnvironment(
      "HAWSER_SIMULATION_SEED",
      static_cast<uint64_t>(
          std::chrono::system_clock::now().time_since_epoch().count()));
  const uint64_t runs = FromEnvironment("HAWSER_SIMULATION_RUNS", kRuns);
  std::cout << "seeds " << first << " to " << first + runs - 1 << "\n";
  uint64_t offices = 0;
  uint64_t appends = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    Trial run(seed);
    Play(&run);
    ASSERT_EQ(run.broken, "")
        << "replay: bazel test //tests/simulation:election_test --test_env="
           "HAWSER_SIMULATION_SEED="
        << seed << " --test_env=HAWSER_SIMULATION_RUNS=1";
    offices += run.offices.size();
    appends += run.acknowledged.size();
  }
  std::cout << offices << " times in office, " << appends << " appends\n";
  if (runs < 100) return;
  // What cannot fail proves nothing.
  EXPECT_GT(offices, 2 * runs);
  EXPECT_GT(appends, 50 * runs);
}

}  // namespace
}  // namespace hawser::simulation
