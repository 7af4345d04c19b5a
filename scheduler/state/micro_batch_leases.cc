#include "scheduler/state/micro_batch_leases.h"

namespace hawser {

std::vector<MicroBatchRange> StaticRanges(const std::vector<uint64_t>& workers,
                                          uint32_t micro_batches) {
  std::vector<MicroBatchRange> ranges;
  const auto count = static_cast<uint32_t>(workers.size());
  uint32_t first = 0;
  for (uint32_t w = 0; w < count; ++w) {
    const uint32_t size =
        micro_batches / count + (w < micro_batches % count ? 1 : 0);
    MicroBatchRange range;
    range.set_node(workers[w]);
    range.set_first(first);
    range.set_last(first + size);
    first += size;
    ranges.push_back(range);
  }
  return ranges;
}

}  // namespace hawser
