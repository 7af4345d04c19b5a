#include "common/job/initial_values.h"

#include <algorithm>
#include <array>

#include "common/counter_random.h"

namespace hawser {
namespace {

uint64_t ElementsOf(const TensorShape& tensor) {
  uint64_t elements = 1;
  for (const uint64_t dimension : tensor.dimensions()) elements *= dimension;
  return elements;
}

}  // namespace

void FillInitialValues(const TensorShape& tensor, uint32_t tensor_number,
                       uint64_t seed, uint64_t first, uint64_t count,
                       float* out) {
  const Initialiser& initialiser = tensor.initialiser();
  const CounterRandom random(seed, RandomPurpose::kInitialWeights,
                             tensor_number);
  switch (initialiser.distribution_case()) {
    case Initialiser::kUniformBound: {
      const auto bound = static_cast<float>(initialiser.uniform_bound());
      std::array<uint32_t, 4> words = random.Words(first / 4);
      for (uint64_t i = 0; i < count; ++i) {
        const uint64_t element = first + i;
        if (element % 4 == 0) words = random.Words(element / 4);
        const float uniform =
            static_cast<float>(words[element % 4] >> 8) * 0x1.0p-24f;
        out[i] = (2 * uniform - 1) * bound;
      }
      return;
    }
    case Initialiser::kNormalDeviation: {
      const auto deviation = static_cast<float>(initialiser.normal_deviation());
      for (uint64_t i = 0; i < count; ++i) {
        out[i] = random.Normal(first + i) * deviation;
      }
      return;
    }
    default:
      std::fill_n(out, count, static_cast<float>(initialiser.constant()));
  }
}

void FillBlock(const Plan& plan, const Block& block, float* out) {
  const uint64_t block_end = block.offset() + block.elements();
  for (int n = 0; n < plan.tensors_size(); ++n) {
    const TensorShape& tensor = plan.tensors(n);
    const uint64_t end = tensor.offset() + ElementsOf(tensor);
    const uint64_t first = std::max(tensor.offset(), block.offset());
    const uint64_t last = std::min(end, block_end);
    if (first >= last) continue;
    FillInitialValues(tensor, static_cast<uint32_t>(n), plan.spec().seed(),
                      first - tensor.offset(), last - first,
                      out + (first - block.offset()));
  }
}

}  // namespace hawser
