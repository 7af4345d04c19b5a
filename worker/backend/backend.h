// Where a model computes: lanes (lane.h), and how work is spread over them.
// Work is cut by its shape alone, never by the number of lanes, so that no bit
// depends on that number.
#ifndef HAWSER_WORKER_BACKEND_BACKEND_H_
#define HAWSER_WORKER_BACKEND_BACKEND_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "worker/backend/lane.h"

namespace hawser {

class Backend {
 public:
  virtual ~Backend() = default;

  // OK, or why this machine cannot compute with such elements.
  virtual absl::Status Supports(Element element) const = 0;

  // Runs work(lane, i) for i in [0, tasks), each once, in any order, on any
  // lane; returns when all are done.
  virtual void ForEach(int64_t tasks,
                       absl::FunctionRef<void(Lane&, int64_t)> work) = 0;

  // Most rows of a panel. A GPU would take all rows at once; a CPU as many as
  // stay in its cache from one operation to the next.
  virtual int64_t panel_rows() const = 0;

  // Runs work(lane, first, count) for panels that cover [0, rows).
  void ForEachPanel(
      int64_t rows,
      absl::FunctionRef<void(Lane&, int64_t first, int64_t count)> work) {
    const int64_t size = panel_rows();
    ForEach((rows + size - 1) / size, [&](Lane& lane, int64_t panel) {
      const int64_t first = panel * size;
      work(lane, first, rows - first < size ? rows - first : size);
    });
  }
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_BACKEND_H_
