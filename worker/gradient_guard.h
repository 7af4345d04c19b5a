// Looks at a micro-batch's gradient as its layers become final: lets none pass
// that holds an infinity or what is not a number, and takes the gradient's
// digest where it is asked for.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_GRADIENT_GUARD_H_
#define HAWSER_WORKER_GRADIENT_GUARD_H_

#include <cstdint>
#include <optional>

#include "proto/plan.pb.h"
#include "worker/model/model.h"

namespace hawser {

class GradientGuard : public LayerObserver {
 public:
  // gradient: [plan.parameters()], being computed. observer: whom to tell of
  // layers, until one of them is not finite. All outlive it.
  GradientGuard(const Plan& plan, const float* gradient, bool takes_digest,
                LayerObserver* observer)
      : plan_(plan),
        gradient_(gradient),
        takes_digest_(takes_digest),
        observer_(observer) {}

  bool AwaitParameters(int layer) override {
    return observer_->AwaitParameters(layer);
  }
  void GradientDone(int layer) override;

  // The first that was found, last layers first; nothing: all are finite.
  std::optional<int> not_finite_layer() const { return not_finite_layer_; }
  // Of all layers, CRC32C; once they are done, if it was asked for.
  uint32_t digest() const { return digest_; }

 private:
  const Plan& plan_;
  const float* const gradient_;
  const bool takes_digest_;
  LayerObserver* const observer_;
  std::optional<int> not_finite_layer_;
  uint32_t digest_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_GRADIENT_GUARD_H_
