// What a worker computes on, as --device says it: "cpu", or "cuda:N" for the
// GPU that CUDA counts as N.
#ifndef HAWSER_WORKER_DEVICE_CHOICE_H_
#define HAWSER_WORKER_DEVICE_CHOICE_H_

#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "worker/backend/backend.h"
#include "worker/backend/cuda/cuda_backend.h"
#include "worker/backend/thread_pool.h"

namespace hawser {

// Makes a backend for a job. pool outlives it.
using BackendFactory =
    std::function<absl::StatusOr<std::unique_ptr<Backend>>(ThreadPool* pool)>;

// INVALID_ARGUMENT: neither. A GPU is opened here once, so that one that is not
// there is an error at once: see MakeCudaBackend. cuda: all but the device.
absl::StatusOr<BackendFactory> BackendFactoryFor(std::string_view device,
                                                 CudaOptions cuda);

}  // namespace hawser

#endif  // HAWSER_WORKER_DEVICE_CHOICE_H_
