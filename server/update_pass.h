// The one pass over a block that an update is: gradient, optimizer state and
// parameters are read once. If somebody asked for the checksum of the
// parameters before, that of the next ones is taken while they are still in the
// cache.
//
// Not thread-safe: it belongs to a block, and is used on the block's strand.
#ifndef HAWSER_SERVER_UPDATE_PASS_H_
#define HAWSER_SERVER_UPDATE_PASS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "common/codec/codec.h"
#include "common/optimizer/optimizer.h"
#include "common/wire/frame.h"
#include "server/float_buffer.h"

namespace hawser {

class UpdatePass {
 public:
  using State = std::vector<std::shared_ptr<FloatBuffer>>;

  // From `theta` into `next`, which is theta or another buffer. `before`: the
  // state to begin with, which stays as it is, if that is not `state` itself.
  // All of them outlive the pass.
  UpdatePass(const Optimizer* optimizer, const UpdateStep& step,
             const FloatBuffer* theta, const State* state, FloatBuffer* next,
             const State* before = nullptr);

  // The update. `gradient` may be `next` itself: then no other memory
  // is written than what was read anyway.
  void Run(const FloatBuffer& gradient);
  // The same, with the gradient as it came off the wire, an encoding by codec.
  void Run(const Codec& codec, PayloadPieces gradient);

 private:
  void Seal();
  // The gradient of elements [first, first + n).
  void Apply(int64_t first, const float* gradient, int64_t n);

  const Optimizer* const optimizer_;
  const UpdateStep step_;
  const FloatBuffer* const theta_;
  const State* const state_;
  const State* const before_;  // null: state_
  FloatBuffer* const next_;
  std::vector<float*> pointers_;  // into the state
  const bool takes_checksum_;
  uint32_t crc32c_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_UPDATE_PASS_H_
