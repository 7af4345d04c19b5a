// Adagrad (Duchi et al., 2011), as PyTorch's without rate decay.
#ifndef HAWSER_COMMON_OPTIMIZER_ADAGRAD_H_
#define HAWSER_COMMON_OPTIMIZER_ADAGRAD_H_

#include <memory>

#include "common/optimizer/optimizer.h"

namespace hawser {

std::unique_ptr<Optimizer> MakeAdagrad(const OptimizerSpec& complete);

}  // namespace hawser

#endif  // HAWSER_COMMON_OPTIMIZER_ADAGRAD_H_
