// An optimizer as a server applies it: one pass over a block, from the sum of
// the gradients to the next parameters. Adding one touches one new file and one
// line of the list in optimizer.cc.
//
// Thread-safe: immutable; blocks may be updated concurrently. The bits of the
// result depend on the arguments alone: not on the CPU's vector width, the
// alignment, or how a vector is cut into blocks.
#ifndef HAWSER_COMMON_OPTIMIZER_OPTIMIZER_H_
#define HAWSER_COMMON_OPTIMIZER_OPTIMIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/job.pb.h"

namespace hawser {

struct UpdateStep {
  uint64_t step = 0;         // updates before this one: the first is 0
  double learning_rate = 0;  // already scheduled
  // The gradient is gradient_scale * gradient_sum: 1 / M, times the clip
  // factor.
  float gradient_scale = 1;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Names of the state vectors it keeps per parameter ("m", "v"), at most 4.
  virtual std::vector<std::string> StateNames() const = 0;
  // The value every element of state vector i starts with.
  virtual float InitialState(int i) const = 0;

  // theta_out[k] = update(theta_in[k], scale * gradient_sum[k], state[.][k])
  // for k in [0, n). theta_out may be theta_in or gradient_sum. state holds
  // StateNames().size() pointers to [n] and is updated in place.
  virtual void Apply(const UpdateStep& step, const float* theta_in,
                     const float* gradient_sum, int64_t n, float* theta_out,
                     absl::Span<float* const> state) const = 0;
};

absl::StatusOr<std::unique_ptr<Optimizer>> MakeOptimizer(
    const OptimizerSpec& complete);

}  // namespace hawser

#endif  // HAWSER_COMMON_OPTIMIZER_OPTIMIZER_H_
