// A gradient's computation on parameters that may still be on their way.
//
// After an error, what is computed may not be written: it would go where an
// earlier push still is, which a server may be reading.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_ARRIVING_LAYERS_H_
#define HAWSER_WORKER_ARRIVING_LAYERS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/data_plane/parameter_client.h"
#include "common/clock.h"
#include "worker/model/model.h"

namespace hawser {

class ArrivingLayers : public LayerObserver {
 public:
  ArrivingLayers(ParameterClient* client, const Clock* clock)
      : client_(client), clock_(clock) {}

  bool AwaitParameters(int layer) final {
    if (!status_.ok()) return false;
    const absl::Time start = clock_->Now();
    status_ = client_->AwaitLayer(static_cast<uint32_t>(layer));
    waited_ += clock_->Now() - start;
    return status_.ok();
  }
  void GradientDone(int) override {}

  // The first error.
  const absl::Status& status() const { return status_; }
  // How long parameters have been waited for.
  absl::Duration waited() const { return waited_; }

 private:
  ParameterClient* const client_;
  const Clock* const clock_;
  absl::Status status_;
  absl::Duration waited_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_ARRIVING_LAYERS_H_
