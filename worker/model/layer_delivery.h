// Tells an observer of layers whose gradient is final: at once where lanes work
// on the host's memory; else when the host has it, while the device goes on
// with other layers.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_MODEL_LAYER_DELIVERY_H_
#define HAWSER_WORKER_MODEL_LAYER_DELIVERY_H_

#include <cstdint>
#include <vector>

#include "worker/backend/mirror.h"
#include "worker/model/model.h"

namespace hawser {

class LayerDelivery {
 public:
  // gradient: the host's. All outlive it.
  LayerDelivery(Backend* backend, const Mirror<float>* mirror, float* gradient,
                LayerObserver* observer)
      : backend_(backend),
        mirror_(mirror),
        gradient_(gradient),
        observer_(observer) {}

  // The work given so far makes elements [first, first + count) of the
  // gradient, which are this layer's, final.
  void Done(int layer, int64_t first, int64_t count) {
    if (backend_->works_on_host()) {
      observer_->GradientDone(layer);
      return;
    }
    under_way_.push_back({layer, mirror_->Fetch(first, count, gradient_)});
  }

  // Returns when the observer knows of all layers, and nothing is under way. If
  // the device fails, it is not told of more.
  void Finish() {
    for (const UnderWay& each : under_way_) {
      backend_->Await(each.fetched);
      if (!backend_->status().ok()) break;
      observer_->GradientDone(each.layer);
    }
    under_way_.clear();
    backend_->AwaitAll();
  }

 private:
  struct UnderWay {
    int layer;
    int64_t fetched;
  };

  Backend* const backend_;
  const Mirror<float>* const mirror_;
  float* const gradient_;
  LayerObserver* const observer_;
  std::vector<UnderWay> under_way_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_LAYER_DELIVERY_H_
