// Hands the frames of a stream to the shards of their jobs.
#ifndef HAWSER_SERVER_SHARD_HANDLER_H_
#define HAWSER_SERVER_SHARD_HANDLER_H_

#include "server/intake.h"
#include "server/server_driver.h"

namespace hawser {

// A frame of a job that is not here is refused with NOT_FOUND. driver outlives
// every handler.
Intake::MakeHandler ShardHandlers(ServerDriver* driver);

}  // namespace hawser

#endif  // HAWSER_SERVER_SHARD_HANDLER_H_
