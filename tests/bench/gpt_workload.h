// A micro-batch of a GPT and the parameters that it is computed with: initial
// values, and tokens that are as good as any for measuring time.
#ifndef HAWSER_TESTS_BENCH_GPT_WORKLOAD_H_
#define HAWSER_TESTS_BENCH_GPT_WORKLOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/job.pb.h"
#include "worker/data/batch.h"

namespace hawser {

struct GptWorkload {
  // model: a GptSpec in text format. INVALID_ARGUMENT: it is none.
  static absl::StatusOr<GptWorkload> Make(const std::string& model,
                                          int samples);

  int64_t tokens() const { return static_cast<int64_t>(batch.tokens.size()); }
  // Of the way there and back: six a token and weight of a product, and the
  // attention's.
  double Operations() const;

  ModelSpec model;
  std::vector<float> theta;
  std::vector<float> gradient;  // as long
  Batch batch;
};

}  // namespace hawser

#endif  // HAWSER_TESTS_BENCH_GPT_WORKLOAD_H_
