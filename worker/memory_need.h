// How much memory a job takes of a worker, told before it starts. Peak bytes,
// with P parameters and T threads:
//
//   vectors      4 P for the parameters; 4 P for each gradient held at once: a
//                sum of r micro-batches holds as many as r has binary digits
//                (gradient_sum.h); on arrival 8 P; with local
//                steps 8 P and the optimizer's state more; for each sum that a
//                codec acts on 4 P and what it is encoded to; 4 P for a
//                residual
//   activations  of a micro-batch: model.h, ModelBytes
//   process      64 MiB for the program, its libraries and streams, and 8 MiB a
//                thread
//
// Data is not counted: files are mapped, and what is tokenized is 2 or 4 bytes
// a token.
#ifndef HAWSER_WORKER_MEMORY_NEED_H_
#define HAWSER_WORKER_MEMORY_NEED_H_

#include <cstdint>

#include "absl/status/status.h"
#include "proto/plan.pb.h"

namespace hawser {

struct MemoryNeed {
  int64_t vectors = 0;
  int64_t activations = 0;
  int64_t process = 0;
  int64_t total() const { return vectors + activations + process; }
};

// spec: completed (job_rules.h).
MemoryNeed MemoryNeedOf(const JobSpec& spec, uint64_t parameters, int threads);

// RESOURCE_EXHAUSTED: the job needs more than limit_bytes; the message says how
// much, and which changes of the job would fit.
absl::Status CheckMemory(const JobSpec& spec, uint64_t parameters, int threads,
                         int64_t limit_bytes);

}  // namespace hawser

#endif  // HAWSER_WORKER_MEMORY_NEED_H_
