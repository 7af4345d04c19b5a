#include "tests/simulation/programs.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/member/member_loop.h"
#include "glog/logging.h"
#include "google/protobuf/text_format.h"
#include "tests/simulation/norm_link.h"
#include "tests/simulation/parameter_stream.h"
#include "tests/simulation/scheduler_link.h"
#include "worker/worker_driver.h"

namespace hawser::simulation {
namespace {

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
  SchedulerProgram(const Site& site, const Setup& setup, Disk* disk,
                   const OutputDisk* output)
      : directory_(site.directory),
        calls_(output, site.process, /*waits=*/false),
        driver_({.lease = setup.lease,
                 .heartbeat = setup.heartbeat,
                 .compact_bytes = setup.compact_bytes},
                disk, site.process, site.process, &calls_) {
    if (driver_.Start().ok()) directory_->scheduler_driver = &driver_;
  }
  ~SchedulerProgram() override { directory_->scheduler_driver = nullptr; }

 private:
  Directory* const directory_;
  OutputCalls calls_;
  SchedulerDriver driver_;
};

class ServerProgram : public Program {
 public:
  ServerProgram(const Site& site, const std::string& output_root,
                const OutputDisk* output)
      : slot_(&site.directory->servers.at(site.process->name())),
        norms_(site.network, site.directory, site.process),
        scheduler_(site.network, site.directory, site.invariants, site.process,
                   Network::Loss::kReset),
        calls_(output, site.process, /*waits=*/true),
        driver_(&norms_, output_root, site.process, site.process,
                /*data_root=*/"", /*shares_memory=*/false, /*trace=*/nullptr,
                &calls_,
                [site](const ServerEndpoint& server) {
                  return MakeParameterChannel(site.network, site.directory,
                                              site.invariants, site.process,
                                              server.address());
                }),
        member_(
            &scheduler_,
            Registration(SERVER, site.process->name(), *site.process),
            [this](uint64_t node, const Orders& orders) {
              driver_.Follow(node, orders);
            },
            [] {}, site.process, /*on_trace=*/nullptr,
            [this](const std::vector<CheckpointOrder>& orders) {
              driver_.FollowCheckpoints(orders);
            }) {
    driver_.Start(
        [this](ReportRequest report) { member_.Report(std::move(report)); });
    slot_->driver = &driver_;
  }
  ~ServerProgram() override { slot_->driver = nullptr; }

 private:
  Directory::Server* const slot_;
  NormLink norms_;
  SchedulerLink scheduler_;
  OutputCalls calls_;
  ServerDriver driver_;
  MemberLoop member_;
};

class WorkerProgram : public Program {
 public:
  WorkerProgram(const Site& site, Pace* pace, const std::string& data_root)
      : scheduler_(site.network, site.directory, site.invariants, site.process,
                   Network::Loss::kResetOrDeadline),
        driver_({data_root, /*compute_threads=*/1},
                {[site](const ServerEndpoint& server) {
                   return MakeParameterChannel(site.network, site.directory,
                                               site.invariants, site.process,
                                               server.address());
                 },
                 [this](ReportRequest report) {
                   return member_.ReportAndWait(std::move(report));
                 },
                 site.process, site.process, [pace] { return pace->Next(); },
                 /*memory=*/nullptr, /*trace=*/nullptr,
                 [this](ReportRequest report) {
                   member_.Report(std::move(report));
                 }}),
        member_(
            &scheduler_, Registration(WORKER, "", *site.process),
            [this](uint64_t node, const Orders& orders) {
              driver_.Follow(node, orders);
            },
            [] {}, site.process),
        training_(site.process->Start([this] { driver_.Run(); })) {}

 private:
  SchedulerLink scheduler_;
  WorkerDriver driver_;
  MemberLoop member_;
  std::unique_ptr<Threads::Thread> training_;
};

class PatientClient : public ClientProgram {
 public:
  PatientClient(const Site& site, const JobSpec& spec)
      : invariants_(site.invariants),
        process_(site.process),
        spec_(spec),
        scheduler_(site.network, site.directory, site.invariants, site.process,
                   Network::Loss::kResetOrDeadline),
        thread_(site.process->Start([this] { Run(); })) {}

  void Cancel() override {
    cancelling_ = process_->Start([this] {
      CancelJobRequest request;
      request.set_name(spec_.name());
      while (absl::IsUnavailable(scheduler_.CancelJob(request).status())) {
        process_->Sleep(kPause);
      }
    });
  }

  void Set(const std::string& change) override {
    ChangeJobRequest request;
    CHECK(google::protobuf::TextFormat::ParseFromString(change, &request));
    request.set_name(spec_.name());
    changes_.push_back(process_->Start([this, request] {
      while (absl::IsUnavailable(scheduler_.ChangeJob(request).status())) {
        process_->Sleep(kPause);
      }
    }));
  }

  void Drain(const std::string& host, bool undo) override {
    const uint64_t number = ++drains_[host];
    changes_.push_back(process_->Start([this, host, undo, number] {
      DrainNodeRequest request;
      request.set_undo(undo);
      // Until something else is wanted of it.
      while (drains_[host] == number) {
        request.set_node(NodeOf(host));
        const absl::Status status = scheduler_.DrainNode(request).status();
        // One that is away, or has another number by now, is looked for again.
        if (status.ok()) return;
        process_->Sleep(kPause);
      }
    }));
  }

 private:
  static constexpr absl::Duration kPause = absl::Milliseconds(100);

  // 0: not there.
  uint64_t NodeOf(const std::string& host) {
    const auto nodes = scheduler_.ListNodes(ListNodesRequest());
    if (!nodes.ok()) return 0;
    for (const NodeStatus& node : nodes->nodes()) {
      if (node.host() == host) return node.node();
    }
    return 0;
  }

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
      process_->Sleep(kPause);
    }
  }

  Invariants* const invariants_;
  Process* const process_;
  const JobSpec spec_;
  SchedulerLink scheduler_;
  std::unique_ptr<Threads::Thread> thread_;
  std::unique_ptr<Threads::Thread> cancelling_;
  std::map<std::string, uint64_t> drains_;  // asked for so far, by host
  std::vector<std::unique_ptr<Threads::Thread>> changes_;
};

}  // namespace

std::unique_ptr<Program> MakeSchedulerProgram(const Site& site,
                                              const Setup& setup, Disk* disk,
                                              const OutputDisk* output) {
  return std::make_unique<SchedulerProgram>(site, setup, disk, output);
}

std::unique_ptr<Program> MakeServerProgram(const Site& site,
                                           const std::string& output_root,
                                           const OutputDisk* output) {
  return std::make_unique<ServerProgram>(site, output_root, output);
}

std::unique_ptr<Program> MakeWorkerProgram(const Site& site, Pace* pace,
                                           const std::string& data_root) {
  return std::make_unique<WorkerProgram>(site, pace, data_root);
}

std::unique_ptr<ClientProgram> MakeClientProgram(const Site& site,
                                                 const JobSpec& spec) {
  return std::make_unique<PatientClient>(site, spec);
}

}  // namespace hawser::simulation
