// What `hawser audit` says of the history that a job's servers wrote.
#ifndef HAWSER_TESTS_SIMULATION_AUDIT_HISTORY_H_
#define HAWSER_TESTS_SIMULATION_AUDIT_HISTORY_H_

#include <optional>
#include <ostream>
#include <string>

#include "proto/scheduler.pb.h"

namespace hawser::simulation {

// The first violation, if there is one. output: the servers' output root.
// trace: null, or where to write what came before it.
std::optional<std::string> AuditHistory(const std::string& output,
                                        const JobStatus& job,
                                        std::ostream* trace);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_AUDIT_HISTORY_H_
