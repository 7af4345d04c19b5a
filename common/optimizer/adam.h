// Adam (Kingma and Ba, 2015), weight decay as L2 in the gradient, and AdamW
// (Loshchilov and Hutter, 2019), weight decay decoupled; as PyTorch's.
#ifndef HAWSER_COMMON_OPTIMIZER_ADAM_H_
#define HAWSER_COMMON_OPTIMIZER_ADAM_H_

#include <memory>

#include "common/optimizer/optimizer.h"

namespace hawser {

std::unique_ptr<Optimizer> MakeAdam(const OptimizerSpec& complete);

}  // namespace hawser

#endif  // HAWSER_COMMON_OPTIMIZER_ADAM_H_
