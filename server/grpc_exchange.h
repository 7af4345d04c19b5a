// One Exchange stream of the data plane on the server's side: reads frames,
// checks them, hands them to their shard, and writes the replies.
//
// One frame is in hand at a time: the next is read when the shard is done with
// it. Replies are queued without a lock and written in order; their payload is
// never copied. A stream whose replies pile up is cut.
#ifndef HAWSER_SERVER_GRPC_EXCHANGE_H_
#define HAWSER_SERVER_GRPC_EXCHANGE_H_

#include "grpcpp/grpcpp.h"
#include "server/intake.h"

namespace hawser {

// The reactor deletes itself when the stream is done. intake outlives it.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StartExchange(
    Intake* intake);

}  // namespace hawser

#endif  // HAWSER_SERVER_GRPC_EXCHANGE_H_
