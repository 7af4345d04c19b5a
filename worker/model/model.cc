#include "worker/model/model.h"

#include <utility>

#include "worker/backend/cpu/cpu_backend.h"
#include "worker/model/gpt.h"
#include "worker/model/gpt_memory.h"
#include "worker/model/mlp.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Model>> MakeModel(
    const ModelSpec& spec, int64_t max_batch,
    std::unique_ptr<Backend> backend) {
  switch (spec.architecture_case()) {
    case ModelSpec::kMlp:
      return MakeMlp(spec, max_batch, std::move(backend));
    case ModelSpec::kGpt:
      return MakeGpt(spec, max_batch, std::move(backend));
    case ModelSpec::ARCHITECTURE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("model is not set");
}

absl::StatusOr<std::unique_ptr<Model>> MakeModel(const ModelSpec& spec,
                                                 int64_t max_batch,
                                                 ThreadPool* pool) {
  return MakeModel(spec, max_batch, MakeCpuBackend(pool));
}

int64_t ModelBytes(const ModelSpec& spec, int64_t max_batch, int threads) {
  switch (spec.architecture_case()) {
    case ModelSpec::kMlp:
      return MlpBytes(spec, max_batch);
    case ModelSpec::kGpt:
      return GptBytes(spec, max_batch, threads);
    case ModelSpec::ARCHITECTURE_NOT_SET:
      break;
  }
  return 0;
}

}  // namespace hawser
