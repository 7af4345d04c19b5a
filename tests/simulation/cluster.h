// A scheduler, servers, workers and a client that submits one job and watches
// it: the real drivers, each in a simulated process.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_CLUSTER_H_
#define HAWSER_TESTS_SIMULATION_CLUSTER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/directory.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/fault.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"
#include "tests/simulation/output_disk.h"
#include "tests/simulation/pace.h"
#include "tests/simulation/process.h"
#include "tests/simulation/setup.h"

namespace hawser::simulation {

class Cluster {
 public:
  // Data is read and checkpoints are written below these directories. The
  // pointers outlive the cluster.
  Cluster(const World& world, const Setup& setup, Network* network,
          Invariants* invariants, std::string data_root,
          std::string output_root);
  ~Cluster();

  // Boots all, but those that start later.
  void Start();

  // By name, as a fault's target; null: none.
  Process* Find(const std::string& name);

  // What the scheduler has cost so far.
  const Process::Meter& scheduler_meter() const { return scheduler_meter_; }

  // What the scheduler's journal holds.
  std::vector<JournalEvent> journal() const;

  void Begin(const Fault& fault);
  void End(const Fault& fault);

 private:
  struct Member;

  Member* Add(const std::string& name);
  Member* FindMember(const std::string& name);
  void Boot(Member* member);
  void Crash(Member* member);

  const World world_;
  const Setup& setup_;
  Network* const network_;
  Invariants* const invariants_;
  const std::string data_root_;
  const std::string output_root_;
  SeededRandom pace_random_;
  Process::Meter scheduler_meter_;
  Directory directory_;
  std::vector<std::unique_ptr<Member>> members_;
  std::unique_ptr<Disk> disk_;
  OutputDisk output_disk_;
  uint64_t cuts_ = 0;
  std::map<std::string, uint64_t> cut_of_;  // by the fault's line
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_CLUSTER_H_
