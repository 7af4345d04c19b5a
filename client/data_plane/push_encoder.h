// By what codec each block of a push is sent, what a residual is kept in, and
// the memory that its encoding is written to just before it leaves
// (send_queue.h).
//
// Memory is used again under the contract of the pushed gradient
// (parameter_client.h): when a block is pushed at another clock, or after
// Reuse, what was pushed before has been answered.
//
// Not thread-safe: it belongs to the one who pushes. Residuals and encodings
// are written by whoever sends the block's frames, in order.
#ifndef HAWSER_CLIENT_DATA_PLANE_PUSH_ENCODER_H_
#define HAWSER_CLIENT_DATA_PLANE_PUSH_ENCODER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "client/data_plane/send_queue.h"
#include "common/job/job_codecs.h"
#include "common/wire/frame.h"
#include "proto/plan.pb.h"

namespace hawser {

class PushEncoder {
 public:
  // codecs outlives it.
  PushEncoder(const Plan& plan, const JobCodecs* codecs);

  // For one block of a push, header being otherwise complete: names the codec
  // in it.
  SendQueue::Encoding Prepare(const Block& block, FrameHeader* header);

  // Every push has been answered.
  void Reuse();

 private:
  struct OfBlock {
    std::vector<float> residual;
    std::vector<std::unique_ptr<char[]>> memory;  // of encodings
    size_t used = 0;                              // of them, at `clock`
    uint64_t clock = 0;
  };

  const JobCodecs* const codecs_;
  std::vector<OfBlock> blocks_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_PUSH_ENCODER_H_
