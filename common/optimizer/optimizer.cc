#include "common/optimizer/optimizer.h"

#include "common/optimizer/adagrad.h"
#include "common/optimizer/adam.h"
#include "common/optimizer/sgd.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Optimizer>> MakeOptimizer(
    const OptimizerSpec& complete) {
  switch (complete.kind_case()) {
    case OptimizerSpec::kSgd:
      return MakeSgd(complete);
    case OptimizerSpec::kAdam:
    case OptimizerSpec::kAdamw:
      return MakeAdam(complete);
    case OptimizerSpec::kAdagrad:
      return MakeAdagrad(complete);
    case OptimizerSpec::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("optimizer is not set");
}

}  // namespace hawser
