#include "server/update_pass.h"

#include <algorithm>
#include <cstring>

#include "common/crc32c.h"

namespace hawser {
namespace {

// Elements between one look at the cache and the next: many enough that what
// an optimizer computes once per call does not count, few enough that the
// parameters just written have not left the nearer caches.
constexpr int64_t kCached = 16 << 10;

}  // namespace

UpdatePass::UpdatePass(const Optimizer* optimizer, const UpdateStep& step,
                       const FloatBuffer* theta, const State* state,
                       FloatBuffer* next, const State* before)
    : optimizer_(optimizer),
      step_(step),
      theta_(theta),
      state_(state),
      before_(before),
      next_(next),
      pointers_(state->size()),
      takes_checksum_(theta->checksum_asked_for()) {}

void UpdatePass::Run(const FloatBuffer& gradient) {
  Apply(0, gradient.data(), gradient.elements());
  Seal();
}

void UpdatePass::Run(const Codec& codec, PayloadPieces gradient) {
  codec.Decode(gradient, next_->elements(),
               [this](int64_t first, const float* run, int64_t n) {
                 Apply(first, run, n);
               });
  Seal();
}

void UpdatePass::Seal() {
  if (takes_checksum_) {
    next_->Changed(crc32c_);
  } else {
    next_->Changed();
  }
}

void UpdatePass::Apply(int64_t first, const float* gradient, int64_t n) {
  for (int64_t i = 0; i < n; i += kCached) {
    const int64_t count = std::min(kCached, n - i);
    const int64_t at = first + i;
    for (size_t s = 0; s < pointers_.size(); ++s) {
      pointers_[s] = (*state_)[s]->data() + at;
      if (before_ == nullptr) continue;
      // A piece that the update finds in the cache.
      std::memcpy(pointers_[s], (*before_)[s]->data() + at,
                  static_cast<size_t>(count) * sizeof(float));
    }
    float* next = next_->data() + at;
    optimizer_->Apply(step_, theta_->data() + at, gradient + i, count, next,
                      absl::MakeSpan(pointers_));
    if (!takes_checksum_) continue;
    crc32c_ =
        Crc32cExtend(crc32c_, next, static_cast<size_t>(count) * sizeof(float));
  }
}

}  // namespace hawser
