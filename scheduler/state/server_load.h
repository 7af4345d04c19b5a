// Which servers have how much to hold.
//
// Pure.
#ifndef HAWSER_SCHEDULER_STATE_SERVER_LOAD_H_
#define HAWSER_SCHEDULER_STATE_SERVER_LOAD_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scheduler/state/job.h"
#include "scheduler/state/membership.h"

namespace hawser {

// The servers that are there and are not draining, those with the fewest
// parameters first; of those that have as many, the oldest.
std::vector<uint64_t> ServersByLoad(const std::map<uint64_t, Job>& jobs,
                                    const Membership& membership);

// The host of each server, empty where it is not known.
std::vector<std::string> HostsOf(const std::vector<uint64_t>& servers,
                                 const Membership& membership);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_SERVER_LOAD_H_
