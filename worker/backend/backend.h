// Where a model computes: lanes (lane.h), how work is spread over them, and the
// memory that they work on. Work is cut by its shape alone, never by the number
// of lanes, so that no bit depends on that number.
//
// A backend of the CPU works on the host's memory, and what it is told to do is
// done when the call returns. A backend of a GPU has memory of its own, and
// what it is told to do is done later, in the order in which it was told.
#ifndef HAWSER_WORKER_BACKEND_BACKEND_H_
#define HAWSER_WORKER_BACKEND_BACKEND_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/backend/dense.h"
#include "worker/backend/lane.h"

namespace hawser {

// Memory that lanes work on; freed with it.
using BackendMemory = std::unique_ptr<void, std::function<void(void*)>>;

// Names work that is the same each time that it is given.
struct WorkName {
  int64_t what = 0;  // whoever gives it counts
  int64_t rows = 0;
  float scale = 0;

  friend auto operator<=>(const WorkName&, const WorkName&) = default;
};

class Backend {
 public:
  virtual ~Backend() = default;

  // OK, or why this machine cannot compute with such elements.
  virtual absl::Status Supports(Element element) const = 0;

  // Runs work(lane, i) for i in [0, tasks), each once, in any order, on any
  // lane.
  virtual void ForEach(int64_t tasks,
                       absl::FunctionRef<void(Lane&, int64_t)> work) = 0;

  // Most rows of a panel. A GPU would take all rows at once; a CPU as many as
  // stay in its cache from one operation to the next.
  virtual int64_t panel_rows() const = 0;

  // Whether one operation on everything is better than many tasks for many
  // lanes.
  virtual bool takes_whole_batches() const = 0;

  // Of attention.
  virtual int64_t max_head_width() const = 0;

  // The operations of multi-layer perceptrons; in the order of the lanes' work.
  virtual Dense& dense() = 0;

  // Whether lanes work on the host's memory.
  virtual bool works_on_host() const = 0;

  // Not initialised, aligned to 64 bytes at least. RESOURCE_EXHAUSTED: there is
  // not so much, and how much there is.
  virtual absl::StatusOr<BackendMemory> Allocate(int64_t bytes) = 0;

  // Has `give` give work to lanes: alone that, no copies, and nothing is waited
  // for. What it gives under one name is the same each time: the same
  // operations on the same memory with the same numbers. A GPU may then do it
  // again without calling `give`.
  virtual void GiveNamed(const WorkName&, absl::FunctionRef<void()> give) {
    give();
  }

  // How much there is for Allocate, about; where lanes work on the host's
  // memory, nobody counts it: 0.
  virtual int64_t FreeBytes() { return 0; }

  // Copies what the host has to the lanes' memory: work that is given to lanes
  // later sees it. The host's memory is not to be changed before Await or
  // AwaitAll has told that later work is done.
  virtual void CopyIn(const void* host, int64_t bytes, void* memory) = 0;

  // Copies from the lanes' memory what the work given so far makes of it, to
  // the host, where it is after Await of what is returned.
  virtual int64_t CopyOut(const void* memory, int64_t bytes, void* host) = 0;
  virtual void Await(int64_t copy) = 0;
  // All work and all copies.
  virtual void AwaitAll() = 0;

  // Makes copies from and to this memory of the host fast, and such that the
  // host need not wait for them, until what is returned is gone. Null: they are
  // not, or there is nothing to gain.
  virtual std::shared_ptr<void> Pin(void* host, int64_t bytes) = 0;

  // Not OK: the device has failed. What has been computed since means nothing,
  // and nothing more is done.
  virtual absl::Status status() const = 0;

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
