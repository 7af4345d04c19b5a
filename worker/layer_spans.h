// The spans of a model's layers, told apart by what the model tells its
// observer anyway:
//
//   AwaitParameters(k) --FORWARD of k--> AwaitParameters(k + 1)
//   AwaitParameters(last) --LAST_LAYER: forward, loss, backward-->
//     GradientDone(last)
//   GradientDone(k + 1) --BACKWARD of k--> GradientDone(k)
//
// What the observer does in between is AWAIT_PULL and MERGE.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_LAYER_SPANS_H_
#define HAWSER_WORKER_LAYER_SPANS_H_

#include <optional>

#include "common/trace/trace_recorder.h"
#include "worker/model/model.h"

namespace hawser {

class LayerSpans : public LayerObserver {
 public:
  // observer: whom to tell; outlives this.
  LayerSpans(const TraceScope& scope, int layers, LayerObserver* observer)
      : scope_(scope), layers_(layers), observer_(observer) {}

  bool AwaitParameters(int layer) override {
    Begin(SPAN_AWAIT_PULL, layer);
    if (!observer_->AwaitParameters(layer)) return false;
    Begin(layer + 1 == layers_ ? SPAN_LAST_LAYER : SPAN_FORWARD, layer);
    return true;
  }

  void GradientDone(int layer) override {
    Begin(SPAN_MERGE, layer);
    observer_->GradientDone(layer);
    span_.reset();
    if (layer > 0) Begin(SPAN_BACKWARD, layer - 1);
  }

 private:
  void Begin(SpanKind kind, int layer) {
    span_.emplace(scope_, kind, TraceSpan::Details{.layer = layer});
  }

  const TraceScope scope_;
  const int layers_;
  LayerObserver* const observer_;
  std::optional<TraceSpan> span_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_LAYER_SPANS_H_
