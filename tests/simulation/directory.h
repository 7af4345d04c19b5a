// Where the drivers of a simulated cluster are, while their processes are up.
#ifndef HAWSER_TESTS_SIMULATION_DIRECTORY_H_
#define HAWSER_TESTS_SIMULATION_DIRECTORY_H_

#include <map>
#include <string>

#include "scheduler/scheduler_driver.h"
#include "server/server_driver.h"
#include "tests/simulation/process.h"

namespace hawser::simulation {

struct Directory {
  struct Server {
    Process* process = nullptr;
    ServerDriver* driver = nullptr;  // null: down
  };
  Process* scheduler = nullptr;
  SchedulerDriver* scheduler_driver = nullptr;  // null: down
  std::map<std::string, Server> servers;        // by address
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_DIRECTORY_H_
