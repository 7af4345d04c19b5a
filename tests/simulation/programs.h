// What the processes of a simulated cluster run: what the daemons' main() puts
// together, and a client.
#ifndef HAWSER_TESTS_SIMULATION_PROGRAMS_H_
#define HAWSER_TESTS_SIMULATION_PROGRAMS_H_

#include <memory>
#include <string>

#include "tests/simulation/directory.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"
#include "tests/simulation/output_disk.h"
#include "tests/simulation/pace.h"
#include "tests/simulation/process.h"
#include "tests/simulation/setup.h"

namespace hawser::simulation {

// Where a program runs and what is around it. The pointers outlive it.
struct Site {
  Process* process;
  Network* network;
  Directory* directory;
  Invariants* invariants;
};

// Enters itself in the directory, unless the disk does not let it start.
std::unique_ptr<Program> MakeSchedulerProgram(const Site& site,
                                              const Setup& setup, Disk* disk,
                                              const OutputDisk* output);

// Enters itself in the directory. The process's name is its address.
std::unique_ptr<Program> MakeServerProgram(const Site& site,
                                           const std::string& output_root,
                                           const OutputDisk* output);

std::unique_ptr<Program> MakeWorkerProgram(const Site& site, Pace* pace,
                                           const std::string& data_root);

// Submits a job and watches it for ever, as a patient person would.
class ClientProgram : public Program {
 public:
  // Asks once more and more until it is answered.
  virtual void Cancel() = 0;
  // The same; change: a ChangeJobRequest in text format.
  virtual void Set(const std::string& change) = 0;
  // The same; host: of the server or worker.
  virtual void Drain(const std::string& host, bool undo) = 0;
};
std::unique_ptr<ClientProgram> MakeClientProgram(const Site& site,
                                                 const JobSpec& spec);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_PROGRAMS_H_
