// Stochastic gradient descent: plain, with momentum, or Nesterov's (as
// PyTorch's SGD without dampening).
#ifndef HAWSER_COMMON_OPTIMIZER_SGD_H_
#define HAWSER_COMMON_OPTIMIZER_SGD_H_

#include <memory>

#include "common/optimizer/optimizer.h"

namespace hawser {

std::unique_ptr<Optimizer> MakeSgd(const OptimizerSpec& complete);

}  // namespace hawser

#endif  // HAWSER_COMMON_OPTIMIZER_SGD_H_
