#include "common/codec/codec.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/vector_ops.h"

namespace hawser {

#define HAWSER_CODEC(kind) extern const CodecKind kind;
#include "common/codec/codec_list.inc"
#undef HAWSER_CODEC

absl::Status Codec::Check(PayloadPieces pieces, int64_t n) const {
  size_t bytes = 0;
  for (const absl::Span<const char> piece : pieces) bytes += piece.size();
  const size_t expected = EncodedBytes(n);
  if (bytes == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("a payload of ", bytes, " bytes; ", n,
                                          " floats are ", expected,
                                          " in the "
                                          "job's codec"));
}

void Codec::DecodeTo(PayloadPieces pieces, int64_t n, float* target) const {
  Decode(pieces, n, [target](int64_t first, const float* run, int64_t count) {
    std::memcpy(target + first, run,
                static_cast<size_t>(count) * sizeof(float));
  });
}

void Codec::DecodeAdd(PayloadPieces pieces, int64_t n, float* target) const {
  Decode(pieces, n, [target](int64_t first, const float* run, int64_t count) {
    AddInto(target + first, run, count);
  });
}

const std::vector<CodecKind>& AllCodecs() {
  static const auto* kinds = new std::vector<CodecKind>{
#define HAWSER_CODEC(kind) kind,
#include "common/codec/codec_list.inc"
#undef HAWSER_CODEC
  };
  return *kinds;
}

absl::StatusOr<CodecKind> FindCodec(absl::string_view name) {
  std::string names;
  for (const CodecKind& kind : AllCodecs()) {
    if (kind.name == name || (name.empty() && kind.id == CodecId::kFloat32)) {
      return kind;
    }
    absl::StrAppend(&names, names.empty() ? "" : ", ", kind.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no codec \"", name, "\"; there are ", names));
}

}  // namespace hawser
