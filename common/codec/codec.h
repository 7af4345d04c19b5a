// A codec: how the floats of a block are written on the wire in fewer bytes.
// Formats byte by byte, bounds on the error and when to use which:
// docs/codecs.md, which changes with the codec's file.
//
// The bits of an encoding, and of what is decoded, do not depend on the CPU,
// nor on how a payload is cut. Any bytes of the right length that Check accepts
// can be decoded.
//
// NaN and infinity never get lost on the way: where a value is not finite, what
// is decoded there (for 1-bit: in its cell, on its side) is not finite either.
//
// A codec that keeps a residual (error feedback: Seide et al., 2014;
// Karimireddy et al., 2019) sends `values + residual` as well as it can and
// keeps what it could not send in the residual, for the next time. It suits
// changes (gradients), of which the sum counts; it does not suit parameters. A
// value that is not finite leaves a residual of 0.
//
// To add a codec: one file beside this one that defines a CodecKind, and its
// line in codec_list.inc.
//
// Thread-safe: immutable; the vectors are the caller's.
#ifndef HAWSER_COMMON_CODEC_CODEC_H_
#define HAWSER_COMMON_CODEC_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/wire/frame.h"

namespace hawser {

// What a job says about a codec.
struct CodecOptions {
  std::string name = "none";
  double share = 0;  // top_k: of the values that are sent; 0: the default
};

class Codec {
 public:
  // The most floats that are decoded at once.
  static constexpr int64_t kMaxRun = 2048;

  virtual ~Codec() = default;

  // Of an encoding of n floats; n >= 1.
  virtual size_t EncodedBytes(int64_t n) const = 0;

  // Whether Encode needs a residual.
  virtual bool keeps_residual() const { return false; }

  // Writes EncodedBytes(n) bytes to `encoded`. residual: [n], zeros before the
  // first time, then as the last Encode left it; null unless keeps_residual().
  virtual void Encode(const float* values, int64_t n, float* residual,
                      char* encoded) const = 0;

  // DATA_LOSS unless the pieces are an encoding of n floats.
  virtual absl::Status Check(PayloadPieces pieces, int64_t n) const;

  // The rest requires pieces that Check accepted. If they have changed since (a
  // peer's shared memory), what is decoded is undefined, and nothing else.

  // Shows the n floats in order, as runs that are aligned and stay valid during
  // the call: use(first, floats, count).
  using Use = absl::FunctionRef<void(int64_t, const float*, int64_t)>;
  virtual void Decode(PayloadPieces pieces, int64_t n, Use use) const = 0;

  // target[i] = / += the i-th float, in one pass over memory.
  virtual void DecodeTo(PayloadPieces pieces, int64_t n, float* target) const;
  virtual void DecodeAdd(PayloadPieces pieces, int64_t n, float* target) const;
};

// A kind of codec, by which a job and a frame name it.
struct CodecKind {
  absl::string_view name;
  CodecId id;
  // INVALID_ARGUMENT: the options do not suit it, without its name.
  absl::StatusOr<std::unique_ptr<Codec>> (*make)(const CodecOptions& options);
};

// All kinds, by rising id. The first one is "none", float32 as it lies.
const std::vector<CodecKind>& AllCodecs();

// The kind of that name; "" is "none". INVALID_ARGUMENT: there is none, and
// which there are.
absl::StatusOr<CodecKind> FindCodec(absl::string_view name);

}  // namespace hawser

#endif  // HAWSER_COMMON_CODEC_CODEC_H_
