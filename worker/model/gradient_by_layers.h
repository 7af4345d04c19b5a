// A gradient as a worker computes it while layers come and go, for tests.
#ifndef HAWSER_WORKER_MODEL_GRADIENT_BY_LAYERS_H_
#define HAWSER_WORKER_MODEL_GRADIENT_BY_LAYERS_H_

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "proto/plan.pb.h"
#include "worker/model/model.h"

namespace hawser {

// The parameters of a layer are not numbers until it is awaited, nor after it
// is done; its gradient is what was there when it was done. Expects every layer
// to be awaited in order, and done in the reverse order.
inline std::vector<float> GradientByLayers(
    Model* model, const std::vector<LayerShape>& layers,
    const std::vector<float>& theta, const Batch& batch,
    const MicroBatchKey& key, float scale) {
  class Observer : public LayerObserver {
   public:
    Observer(const std::vector<LayerShape>& layers,
             const std::vector<float>& theta)
        : layers_(layers),
          source_(theta),
          theta_(theta.size(), NAN),
          gradient_(theta.size(), NAN),
          done_gradient_(theta.size(), NAN) {}

    bool AwaitParameters(int layer) override {
      EXPECT_EQ(layer, awaited_++);
      EXPECT_TRUE(std::all_of(gradient_.begin(), gradient_.end(),
                              [](float g) { return std::isnan(g); }));
      Move(layer, source_, &theta_);
      return true;
    }
    void GradientDone(int layer) override {
      EXPECT_EQ(awaited_, static_cast<int>(layers_.size()));
      EXPECT_EQ(layer, awaited_ - 1 - done_++);
      Move(layer, gradient_, &done_gradient_);
      Move(layer, std::vector<float>(theta_.size(), NAN), &theta_);
    }

    std::vector<float> Run(Model* model, const Batch& batch,
                           const MicroBatchKey& key, float scale) {
      model->Gradient(theta_.data(), batch, key, scale, gradient_.data(), this);
      EXPECT_EQ(done_, static_cast<int>(layers_.size()));
      return done_gradient_;
    }

   private:
    void Move(int layer, const std::vector<float>& from,
              std::vector<float>* to) const {
      const LayerShape& shape = layers_[static_cast<size_t>(layer)];
      const auto first = static_cast<std::ptrdiff_t>(shape.offset());
      std::copy_n(from.begin() + first, shape.elements(), to->begin() + first);
    }

    const std::vector<LayerShape>& layers_;
    const std::vector<float>& source_;
    std::vector<float> theta_;
    std::vector<float> gradient_;
    std::vector<float> done_gradient_;
    int awaited_ = 0;
    int done_ = 0;
  };
  return Observer(layers, theta).Run(model, batch, key, scale);
}

// A gradient whose layer number k does not come is not begun, for each k.
inline void ExpectNothingWithoutParameters(Model* model, int layers,
                                           const std::vector<float>& theta,
                                           const Batch& batch) {
  class Observer : public LayerObserver {
   public:
    explicit Observer(int missing) : missing_(missing) {}
    bool AwaitParameters(int layer) override {
      EXPECT_LE(layer, missing_);
      return layer != missing_;
    }
    void GradientDone(int layer) override {
      ADD_FAILURE() << "layer " << layer << " is done without " << missing_;
    }

   private:
    const int missing_;
  };
  for (int missing = 0; missing < layers; ++missing) {
    std::vector<float> gradient(theta.size(), 7.0f);
    Observer observer(missing);
    model->Gradient(theta.data(), batch, MicroBatchKey(), 1, gradient.data(),
                    &observer);
    EXPECT_EQ(gradient, std::vector<float>(theta.size(), 7.0f));
  }
}

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GRADIENT_BY_LAYERS_H_
