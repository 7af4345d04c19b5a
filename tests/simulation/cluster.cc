#include "tests/simulation/cluster.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "tests/simulation/programs.h"

namespace hawser::simulation {
namespace {

// Until a daemon that did not start is started again.
constexpr absl::Duration kRestart = absl::Seconds(1);

}  // namespace

struct Cluster::Member {
  Member(const World& world, uint32_t number, const std::string& name)
      : process(world, number, name) {}

  Process process;
  std::unique_ptr<Pace> pace;  // of a worker
};

Cluster::Cluster(const World& world, const Setup& setup, Network* network,
                 Invariants* invariants, std::string data_root,
                 std::string output_root)
    : world_(world),
      setup_(setup),
      network_(network),
      invariants_(invariants),
      data_root_(std::move(data_root)),
      output_root_(std::move(output_root)),
      pace_random_(setup.seed, SeededRandom::Purpose::kPace) {
  network_->links()->SetParameterFactor(setup_.parameter_factor);
  directory_.scheduler = &Add("scheduler")->process;
  directory_.scheduler->SetMeter(&scheduler_meter_);
  disk_ = std::make_unique<Disk>(
      world_, directory_.scheduler, setup_.journal_write,
      SeededRandom(setup.seed, SeededRandom::Purpose::kDisk));
  Add("client");
  for (uint32_t i = 1; i <= setup_.servers; ++i) {
    const std::string name = absl::StrCat("server ", i);
    Process* const process = &Add(name)->process;
    directory_.servers[name].process = process;
    if (setup_.server_bytes_per_second > 0) {
      network_->links()->SetSpeed(process->number(),
                                  setup_.server_bytes_per_second);
    }
  }
  for (uint32_t i = 1; i <= setup_.workers; ++i) {
    Member* member = Add(absl::StrCat("worker ", i));
    member->pace = std::make_unique<Pace>(
        setup_.compute, setup_.compute_variation, &pace_random_);
    if (setup_.worker_bytes_per_second > 0) {
      network_->links()->SetSpeed(member->process.number(),
                                  setup_.worker_bytes_per_second);
    }
  }
}

Cluster::~Cluster() {
  network_->Close();
  for (const auto& member : members_) member->process.Crash();
}

Cluster::Member* Cluster::Add(const std::string& name) {
  members_.push_back(std::make_unique<Member>(
      world_, static_cast<uint32_t>(members_.size()), name));
  return members_.back().get();
}

Cluster::Member* Cluster::FindMember(const std::string& name) {
  for (const auto& member : members_) {
    if (member->process.name() == name) return member.get();
  }
  return nullptr;
}

Process* Cluster::Find(const std::string& name) {
  Member* member = FindMember(name);
  return member == nullptr ? nullptr : &member->process;
}

void Cluster::Start() {
  std::set<std::string> later;
  for (const Fault& fault : setup_.faults) {
    if (fault.kind == Fault::Kind::kStart) later.insert(fault.target);
  }
  for (const auto& member : members_) {
    if (later.count(member->process.name()) == 0) Boot(member.get());
  }
}

void Cluster::Boot(Member* member) {
  Process* const process = &member->process;
  if (process->up()) return;
  const Site site = {process, network_, &directory_, invariants_};
  process->Boot([&]() -> std::unique_ptr<Program> {
    if (process == directory_.scheduler) {
      return MakeSchedulerProgram(site, setup_, disk_.get(), &output_disk_);
    }
    if (directory_.servers.count(process->name()) != 0) {
      return MakeServerProgram(site, output_root_, &output_disk_);
    }
    if (member->pace != nullptr) {
      return MakeWorkerProgram(site, member->pace.get(), data_root_);
    }
    return MakeClientProgram(site, setup_.spec);
  });
  // A daemon that cannot start (its disk is full) ends, and is started again.
  if (process == directory_.scheduler &&
      directory_.scheduler_driver == nullptr) {
    Crash(member);
    world_.timeline->After(kRestart, [this, member] { Boot(member); });
  }
}

void Cluster::Crash(Member* member) {
  if (&member->process == directory_.scheduler && member->process.up()) {
    disk_->Crash();
    invariants_->SchedulerCrashed();
  }
  network_->Crash(&member->process);
}

std::vector<JournalEvent> Cluster::journal() const {
  std::vector<JournalEvent> events;
  CHECK(
      disk_->Replay([&](const JournalEvent& event) { events.push_back(event); })
          .ok());
  return events;
}

void Cluster::Begin(const Fault& fault) {
  using Kind = Fault::Kind;
  world_.log->Note("fault", Describe(fault));
  Member* const target =
      fault.kind == Kind::kSet ? nullptr : FindMember(fault.target);
  switch (fault.kind) {
    case Kind::kCrash:
      return Crash(target);
    case Kind::kPause:
      return target->process.Pause();
    case Kind::kSlowWorker:
      return target->pace->SetSlowness(fault.amount);
    case Kind::kPartition:
      cut_of_[Describe(fault)] = ++cuts_;
      return network_->Cut(cuts_, {target->process.number()},
                           {Find(fault.other)->number()});
    case Kind::kBreakStreams:
      return network_->Break(target->process);
    case Kind::kJumpClock:
      return target->process.JumpClock(fault.jump);
    case Kind::kRunClock:
      return target->process.SetClockRate(fault.amount);
    case Kind::kSlowDisk:
      return disk_->SetSlowness(fault.amount);
    case Kind::kFillDisk:
      return disk_->SetFull(true);
    case Kind::kSlowOutput:
      output_disk_.slowness = fault.amount;
      return;
    case Kind::kFillOutput:
      output_disk_.full = true;
      return;
    case Kind::kStart:
      return Boot(target);
    case Kind::kSet: {
      Process* const client = Find("client");
      return client->Post(world_.timeline->now(), [client, &fault] {
        static_cast<ClientProgram*>(client->program())->Set(fault.target);
      });
    }
    case Kind::kDrain:
    case Kind::kDrainNoMore: {
      Process* const client = Find("client");
      return client->Post(world_.timeline->now(), [client, &fault] {
        static_cast<ClientProgram*>(client->program())
            ->Drain(fault.target, fault.kind == Kind::kDrainNoMore);
      });
    }
    case Kind::kCancel: {
      Process* const client = Find("client");
      return client->Post(world_.timeline->now(), [client] {
        static_cast<ClientProgram*>(client->program())->Cancel();
      });
    }
  }
}

void Cluster::End(const Fault& fault) {
  using Kind = Fault::Kind;
  world_.log->Note("over", Describe(fault));
  Member* const target = FindMember(fault.target);
  switch (fault.kind) {
    case Kind::kCrash:
      return Boot(target);
    case Kind::kPause:
      return target->process.Continue();
    case Kind::kSlowWorker:
      return target->pace->SetSlowness(1);
    case Kind::kPartition:
      return network_->Heal(cut_of_.at(Describe(fault)));
    case Kind::kRunClock:
      return target->process.SetClockRate(1);
    case Kind::kSlowDisk:
      return disk_->SetSlowness(1);
    case Kind::kFillDisk:
      return disk_->SetFull(false);
    case Kind::kSlowOutput:
      output_disk_.slowness = 1;
      return;
    case Kind::kFillOutput:
      output_disk_.full = false;
      return;
    case Kind::kBreakStreams:
    case Kind::kJumpClock:
    case Kind::kStart:
    case Kind::kSet:
    case Kind::kCancel:
    case Kind::kDrain:
    case Kind::kDrainNoMore:
      return;
  }
}

}  // namespace hawser::simulation
