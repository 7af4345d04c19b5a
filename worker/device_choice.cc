#include "worker/device_choice.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/cpu_backend.h"

namespace hawser {

absl::StatusOr<BackendFactory> BackendFactoryFor(std::string_view device,
                                                 CudaOptions cuda) {
  if (device == "cpu") {
    return [](ThreadPool* pool) { return MakeCpuBackend(pool); };
  }
  const std::string given(device);
  absl::string_view number = given;
  if (!absl::ConsumePrefix(&number, "cuda:") ||
      !absl::SimpleAtoi(number, &cuda.device) || cuda.device < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--device ", given,
        ": use cpu, or cuda:N with the number of a GPU from 0 on"));
  }
  RETURN_IF_ERROR(MakeCudaBackend(cuda).status());
  return [cuda](ThreadPool*) { return MakeCudaBackend(cuda); };
}

}  // namespace hawser
