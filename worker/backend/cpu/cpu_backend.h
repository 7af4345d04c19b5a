// The CPU as a backend: a lane for each thread of a pool.
#ifndef HAWSER_WORKER_BACKEND_CPU_CPU_BACKEND_H_
#define HAWSER_WORKER_BACKEND_CPU_CPU_BACKEND_H_

#include <memory>

#include "worker/backend/backend.h"
#include "worker/backend/thread_pool.h"

namespace hawser {

// A panel of so many rows of a width of some hundreds stays in a core's second
// cache, and products of so many rows are as fast as any.
inline constexpr int64_t kCpuPanelRows = 128;

// Thread-compatible. pool outlives it.
std::unique_ptr<Backend> MakeCpuBackend(ThreadPool* pool);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_CPU_BACKEND_H_
