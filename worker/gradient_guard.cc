#include "worker/gradient_guard.h"

#include "common/crc32c.h"
#include "common/vector_ops.h"

namespace hawser {

void GradientGuard::GradientDone(int layer) {
  if (not_finite_layer_.has_value()) return;
  const LayerShape& shape = plan_.layers(layer);
  const float* const gradient = gradient_ + shape.offset();
  const auto elements = static_cast<int64_t>(shape.elements());
  if (!AllFinite(gradient, elements)) {
    not_finite_layer_ = layer;
    return;
  }
  if (takes_digest_) {
    digest_ = Crc32cExtend(digest_, gradient, shape.elements() * sizeof(float));
  }
  observer_->GradientDone(layer);
}

}  // namespace hawser
