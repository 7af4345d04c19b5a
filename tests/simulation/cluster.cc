#include "tests/simulation/cluster.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/member/member_loop.h"
#include "glog/logging.h"
#include "tests/simulation/norm_link.h"
#include "tests/simulation/parameter_stream.h"
#include "tests/simulation/scheduler_link.h"
#include "worker/worker_driver.h"

namespace hawser::simulation {
namespace {

// Until a daemon that did not start is started again.
constexpr absl::Duration kRestart = absl::Seconds(1);

// What a member tells of itself is the same on every machine.
RegisterRequest Registration(Role role, const std::string& address,
                             const Process& process) {
  RegisterRequest registration = RegistrationOf(role, address);
  registration.set_host(process.name());
  registration.set_process(process.life());
  return registration;
}

class SchedulerProgram : public Program {
 public:
  SchedulerProgram(const Setup& setup, Disk* disk, Process* process,
                   Directory* directory)
      : directory_(directory),
        driver_({setup.lease, setup.heartbeat}, disk, process, process) {
    if (driver_.Start().ok()) directory_->scheduler_driver = &driver_;
  }
  ~SchedulerProgram() override { directory_->scheduler_driver = nullptr; }

 private:
  Directory* const directory_;
  SchedulerDriver driver_;
};

class ServerProgram : public Program {
 public:
  ServerProgram(Network* network, Directory* directory, Invariants* invariants,
                Process* process, const std::string& address,
                const std::string& output_root)
      : slot_(&directory->servers.at(address)),
        norms_(network, directory, process),
        scheduler_(network, directory, invariants, process,
                   Network::Loss::kReset),
        driver_(&norms_, output_root, process),
        member_(
            &scheduler_, Registration(SERVER, address, *process),
            [this](uint64_t node, const Orders& orders) {
              driver_.Follow(node, orders);
            },
            [] {}, process) {
    driver_.Start(
        [this](ReportRequest report) { member_.Report(std::move(report)); });
    slot_->driver = &driver_;
  }
  ~ServerProgram() override { slot_->driver = nullptr; }

 private:
  Directory::Server* const slot_;
  NormLink norms_;
  SchedulerLink scheduler_;
  ServerDriver driver_;
  MemberLoop member_;
};

class WorkerProgram : public Program {
 public:
  WorkerProgram(Network* network, const Directory* directory,
                Invariants* invariants, Process* process, Pace* pace,
                const std::string& data_root)
      : scheduler_(network, directory, invariants, process,
                   Network::Loss::kResetOrDeadline),
        driver_(
            data_root, /*compute_threads=*/1,
            [=](const std::string& address) {
              return MakeParameterChannel(network, directory, invariants,
                                          process, pace, address);
            },
            [this](ReportRequest report) {
              return member_.ReportAndWait(std::move(report));
            },
            process),
        member_(
            &scheduler_, Registration(WORKER, "", *process),
            [this](uint64_t node, const Orders& orders) {
              driver_.Follow(node, orders);
            },
            [] {}, process),
        training_(process->Start([this] { driver_.Run(); })) {}

 private:
  SchedulerLink scheduler_;
  WorkerDriver driver_;
  MemberLoop member_;
  std::unique_ptr<Threads::Thread> training_;
};

// Submits the job and watches it for ever, as a patient person would.
class ClientProgram : public Program {
 public:
  ClientProgram(Network* network, const Directory* directory,
                Invariants* invariants, Process* process, JobSpec spec)
      : invariants_(invariants),
        process_(process),
        spec_(std::move(spec)),
        scheduler_(network, directory, invariants, process,
                   Network::Loss::kResetOrDeadline),
        thread_(process->Start([this] { Run(); })) {}

  void Cancel() {
    cancelling_ = process_->Start([this] {
      CancelJobRequest request;
      request.set_name(spec_.name());
      while (absl::IsUnavailable(scheduler_.CancelJob(request).status())) {
        process_->Sleep(kPause);
      }
    });
  }

 private:
  static constexpr absl::Duration kPause = absl::Milliseconds(100);

  void Run() {
    SubmitJobRequest request;
    *request.mutable_spec() = spec_;
    for (;;) {
      const auto response = scheduler_.SubmitJob(request);
      if (response.ok()) invariants_->Accepted(response->job());
      if (response.ok() || absl::IsAlreadyExists(response.status())) break;
      if (!absl::IsUnavailable(response.status())) {
        invariants_->Fail(
            absl::StrCat("submit: ", response.status().ToString()));
        return;
      }
      process_->Sleep(kPause);
    }
    Watch();
  }

  void Watch() {
    GetJobRequest request;
    request.set_name(spec_.name());
    request.set_wait_ms(1000);
    for (;;) {
      const auto response = scheduler_.GetJob(request);
      if (response.ok()) {
        invariants_->Accepted(response->status().job());
        invariants_->Told(response->status());
        request.set_newer_than_revision(response->status().revision());
        continue;
      }
      if (!absl::IsUnavailable(response.status())) {
        invariants_->Fail(absl::StrCat("an accepted job is lost: ",
                                       response.status().ToString()));
        return;
      }
      request.set_newer_than_revision(0);  // perhaps another scheduler
      process_->Sleep(kPause);
    }
  }

  Invariants* const invariants_;
  Process* const process_;
  const JobSpec spec_;
  SchedulerLink scheduler_;
  std::unique_ptr<Threads::Thread> thread_;
  std::unique_ptr<Threads::Thread> cancelling_;
};

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
  directory_.scheduler = &Add("scheduler")->process;
  disk_ = std::make_unique<Disk>(
      world_, directory_.scheduler, setup_.journal_write,
      SeededRandom(setup.seed, SeededRandom::Purpose::kDisk));
  Add("client");
  for (uint32_t i = 1; i <= setup_.servers; ++i) {
    const std::string name = absl::StrCat("server ", i);
    directory_.servers[name].process = &Add(name)->process;
  }
  for (uint32_t i = 1; i <= setup_.workers; ++i) {
    Member* member = Add(absl::StrCat("worker ", i));
    member->pace =
        std::make_unique<Pace>(&member->process, setup_.compute, &pace_random_);
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
  process->Boot([&]() -> std::unique_ptr<Program> {
    if (process == directory_.scheduler) {
      return std::make_unique<SchedulerProgram>(setup_, disk_.get(), process,
                                                &directory_);
    }
    if (directory_.servers.count(process->name()) != 0) {
      return std::make_unique<ServerProgram>(network_, &directory_, invariants_,
                                             process, process->name(),
                                             output_root_);
    }
    if (member->pace != nullptr) {
      return std::make_unique<WorkerProgram>(network_, &directory_, invariants_,
                                             process, member->pace.get(),
                                             data_root_);
    }
    return std::make_unique<ClientProgram>(network_, &directory_, invariants_,
                                           process, setup_.spec);
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
  }
  network_->Crash(&member->process);
}

void Cluster::Begin(const Fault& fault) {
  using Kind = Fault::Kind;
  world_.log->Note("fault", Describe(fault));
  Member* const target = FindMember(fault.target);
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
    case Kind::kStart:
      return Boot(target);
    case Kind::kCancel:
      Process* const client = Find("client");
      return client->Post(world_.timeline->now(), [client] {
        static_cast<ClientProgram*>(client->program())->Cancel();
      });
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
    case Kind::kBreakStreams:
    case Kind::kJumpClock:
    case Kind::kStart:
    case Kind::kCancel:
      return;
  }
}

}  // namespace hawser::simulation
