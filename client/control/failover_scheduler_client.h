// A SchedulerClient for several schedulers, of which one leads: whoever does
// not answer, or stands by, is left for the next.
#ifndef HAWSER_CLIENT_CONTROL_FAILOVER_SCHEDULER_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_FAILOVER_SCHEDULER_CLIENT_H_

#include <memory>
#include <vector>

#include "client/control/scheduler_client.h"

namespace hawser {

// schedulers: at least one. A call goes to the one that answered last; on
// UNAVAILABLE to the others in turn, each once, and what the last one said is
// the answer. What must not be done twice (SubmitJob, CancelJob, ChangeJob,
// StartTrace) is sent once, to a scheduler that has just said that it leads.
std::unique_ptr<SchedulerClient> MakeFailoverSchedulerClient(
    std::vector<std::unique_ptr<SchedulerClient>> schedulers);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_FAILOVER_SCHEDULER_CLIENT_H_
