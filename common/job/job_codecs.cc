#include "common/job/job_codecs.h"

#include <algorithm>
#include <bit>

#include "glog/logging.h"

namespace hawser {
namespace {

JobCodecs::Direction Make(const CodecSpec& spec) {
  const auto kind = FindCodec(spec.codec());
  CHECK(kind.ok()) << kind.status();
  auto codec = kind->make({spec.codec(), spec.share()});
  CHECK(codec.ok()) << codec.status();
  return {kind->id, *std::move(codec)};
}

}  // namespace

JobCodecs::JobCodecs(const JobSpec& complete)
    : tree_(std::max(1u, complete.schedule().micro_batches())),
      push_(Make(complete.data_plane().push())),
      pull_(Make(complete.data_plane().pull())),
      float32_(Make({})) {
  has_level_ = !push_.is_float32() && !push_.codec->keeps_residual();
  const auto depth = static_cast<uint32_t>(
      std::bit_width(std::max(1u, complete.data_plane().sums_per_step())) - 1);
  level_ = tree_.Root().level - std::min(depth, tree_.Root().level);
}

JobCodecs::Sum JobCodecs::SumOf(TreeNode node) const {
  if (push_.is_float32()) return Sum::kAsItIs;
  if (!has_level_) return Sum::kEncoded;
  const TreeNode sum = tree_.Canonical(node);
  const TreeNode encoded =
      tree_.Canonical({level_, tree_.First(node) >> level_});
  if (sum == encoded) return Sum::kEncoded;
  return tree_.Covers(sum, encoded) ? Sum::kTooMany : Sum::kAsItIs;
}

}  // namespace hawser
