// A codec behind plain functions. Compiled with `-Dhawser=hawser_vectors`, as
// the codecs themselves are for the same program, so that one program has two
// copies of them, for different vectors (see ./run).
#include <string>
#include <vector>

#include "common/codec/codec.h"

namespace hawser {

static std::unique_ptr<Codec> Make(const char* codec, double share) {
  return FindCodec(codec)->make({codec, share}).value();
}

void DecodeApart(const char* codec, double share,
                 const std::vector<std::string>& pieces, int64_t n,
                 float* target) {
  const std::vector<absl::Span<const char>> spans(pieces.begin(), pieces.end());
  Make(codec, share)->DecodeTo(spans, n, target);
}

void EncodeApart(const char* codec, double share, const float* values,
                 int64_t n, float* residual, char* encoded) {
  const auto made = Make(codec, share);
  made->Encode(values, n, made->keeps_residual() ? residual : nullptr, encoded);
}

}  // namespace hawser
