#include "worker/model/gpt_memory.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/model_layout.h"
#include "worker/backend/cpu/cpu_backend.h"
#include "worker/model/arena.h"
#include "worker/model/gpt_buffers.h"
#include "worker/model/gpt_shape.h"

namespace hawser {
namespace {

int64_t MebibytesOf(int64_t bytes) { return (bytes >> 20) + 1; }

// The most samples, fewer than `samples`, that fit; 0: not even one.
int64_t SamplesThatFit(const GptSpec& spec, int64_t parameters, int64_t samples,
                       int64_t available, const Backend& backend) {
  int64_t fit = 0, too_many = samples;
  while (too_many - fit > 1) {
    const int64_t tried = fit + (too_many - fit) / 2;
    const bool fits =
        GptDeviceBytes(spec, parameters, tried, backend) <= available;
    (fits ? fit : too_many) = tried;
  }
  return fit;
}

}  // namespace

int64_t GptBytes(const ModelSpec& spec, int64_t max_batch, int threads) {
  const auto layout = LayoutOf(spec);
  if (!layout.ok()) return 0;
  const GptSpec& gpt = spec.gpt();
  const GptShape shape(gpt);
  Arena arena;
  const GptBuffers buffers(gpt, max_batch * shape.context, kCpuPanelRows,
                           /*whole_batches=*/false, &arena);
  if (shape.element != Element::kFloat32) {
    arena.TakeMatrix(1, static_cast<int64_t>(layout->parameters),
                     shape.element);
  }
  // Each lane's working memory: a panel of the widest product, and the
  // gradients of one head's keys and values.
  const int64_t panel = std::min(kCpuPanelRows, max_batch * shape.context) *
                        std::max(shape.width, shape.inner);
  const int64_t heads = 2 * shape.context * shape.head_width;
  return arena.bytes() + 4 * (panel + heads) * threads;
}

int64_t GptDeviceBytes(const GptSpec& spec, int64_t parameters, int64_t samples,
                       const Backend& backend) {
  const GptShape shape(spec);
  const int64_t rows = samples * shape.context;
  const int64_t panel = std::min(backend.panel_rows(), rows);
  Arena arena;
  const GptBuffers buffers(spec, rows, backend.panel_rows(),
                           backend.takes_whole_batches(), &arena);
  for (const int64_t copied : {parameters, parameters, rows, rows}) {
    arena.Take(4 * copied);
  }
  if (shape.element != Element::kFloat32) {
    arena.TakeMatrix(1, parameters, shape.element);
  }
  arena.Take(4 * ProductFloats(shape, panel));
  return arena.bytes();
}

absl::Status GptDoesNotFit(const absl::Status& short_of, const GptSpec& spec,
                           int64_t parameters, int64_t samples,
                           int64_t available, const Backend& backend) {
  std::vector<std::string> changes;
  const int64_t fit =
      SamplesThatFit(spec, parameters, samples, available, backend);
  if (fit > 0) {
    changes.push_back(absl::StrCat("micro-batches of ", fit,
                                   " samples (more schedule.micro_batches)"));
  }
  if (!spec.recompute_activations()) {
    GptSpec recomputing = spec;
    recomputing.set_recompute_activations(true);
    // All samples, if they fit.
    const int64_t with = SamplesThatFit(recomputing, parameters, samples + 1,
                                        available, backend);
    if (with > fit) {
      changes.push_back(absl::StrCat("model.gpt.recompute_activations with ",
                                     with, " samples"));
    }
  }
  return absl::Status(
      short_of.code(),
      absl::StrCat(
          short_of.message(), "; the model needs ",
          MebibytesOf(GptDeviceBytes(spec, parameters, samples, backend)),
          " MiB for micro-batches of ", samples, " samples; ",
          changes.empty()
              ? "not even one sample fits: use a smaller model or a "
                "GPU with more memory"
              : absl::StrCat("it would fit with ",
                             absl::StrJoin(changes, ", or "))));
}

}  // namespace hawser
