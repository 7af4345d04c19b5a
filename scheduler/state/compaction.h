// Makes a journal shorter: leaves out events that later ones have made
// meaningless, so that its size and the time of a replay follow what is known
// of the jobs, not how long they have run.
//
// What is left is a journal like any other, read by the same Apply; nothing is
// written in another form. What goes:
//
//   of jobs that are forgotten (ClusterState)   everything
//   numbers reserved; drains of a node                        all but the last
//   plans that are alike but for members, blocks and their    all but the first
//     places, one after the other                             and the last two
//   a checkpoint that was committed and dropped               both, unless a
//     roll-back began from it; a job's last drop stays
//   roll-backs but the last                                   their plans, and
//     what they have undone
//   epochs before the last JobProgress::kMaxEpochsKept        all but the first
//   a validation that two epochs have followed                it
//
// An event of a kind that is not named here stays.
//
// Pure.
#ifndef HAWSER_SCHEDULER_STATE_COMPACTION_H_
#define HAWSER_SCHEDULER_STATE_COMPACTION_H_

#include <string>
#include <vector>

#include "proto/journal.pb.h"
#include "scheduler/state/cluster_state.h"

namespace hawser {

// events: a whole journal. replayed: the state that it gives.
std::vector<JournalEvent> Compacted(const std::vector<JournalEvent>& events,
                                    const ClusterState& replayed);

// All durable state that the two must agree on before one takes the other's
// place, as text; without event logs and revisions, which follow the events.
std::string DurableState(const ClusterState& state);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_COMPACTION_H_
