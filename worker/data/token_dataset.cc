#include "worker/data/token_dataset.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/counter_random.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr int64_t kCountPiece = 1 << 16;

// A contiguous range of a stream's tokens.
struct Slice {
  std::shared_ptr<const TokenStream> stream;
  int64_t first = 0;
  int64_t count = 0;

  int64_t Runs(int64_t context) const { return (count - 1) / context; }
};

class TokenDataset : public Dataset {
 public:
  TokenDataset(Slice training, Slice validation, const TokenDatasetShape& shape,
               int64_t validation_bytes)
      : training_(std::move(training)),
        validation_(std::move(validation)),
        context_(shape.context),
        vocabulary_(shape.vocabulary),
        validation_bytes_(validation_bytes) {}

  DataShape shape() const override {
    DataShape shape;
    shape.context = context_;
    shape.vocabulary = vocabulary_;
    return shape;
  }
  int64_t training_samples() const override { return training_.Runs(context_); }
  int64_t validation_samples() const override {
    return validation_.Runs(context_);
  }
  int64_t validation_bytes() const override { return validation_bytes_; }

  std::vector<int32_t> TrainingLabels() const override {
    std::vector<int32_t> files(static_cast<size_t>(training_samples()));
    for (size_t i = 0; i < files.size(); ++i) {
      files[i] = static_cast<int32_t>(training_.stream->FileOf(
          training_.first + static_cast<int64_t>(i) * context_));
    }
    return files;
  }

  void FillTraining(absl::Span<const int64_t> positions, uint64_t seed,
                    uint64_t epoch, Batch* batch) const override {
    Resize(static_cast<int64_t>(positions.size()), batch);
    const auto start = static_cast<int64_t>(
        CounterRandom(seed, RandomPurpose::kTextStart, epoch)
            .Below(0, static_cast<uint64_t>(context_)));
    const int64_t last = training_.count - 1 - context_;
    for (size_t i = 0; i < positions.size(); ++i) {
      CopyRun(training_, std::min(start + positions[i] * context_, last),
              static_cast<int64_t>(i), batch);
    }
  }

  void FillValidation(int64_t first, int64_t count,
                      Batch* batch) const override {
    Resize(count, batch);
    for (int64_t i = 0; i < count; ++i) {
      CopyRun(validation_, (first + i) * context_, i, batch);
    }
  }

 private:
  void Resize(int64_t samples, Batch* batch) const {
    batch->samples = samples;
    batch->features.clear();
    batch->tokens.resize(static_cast<size_t>(samples * context_));
    batch->labels.resize(static_cast<size_t>(samples * context_));
  }

  void CopyRun(const Slice& slice, int64_t at, int64_t slot,
               Batch* batch) const {
    slice.stream->Copy(slice.first + at, context_,
                       batch->tokens.data() + slot * context_);
    slice.stream->Copy(slice.first + at + 1, context_,
                       batch->labels.data() + slot * context_);
  }

  const Slice training_;
  const Slice validation_;
  const int64_t context_;
  const int64_t vocabulary_;
  const int64_t validation_bytes_;
};

absl::Status TooShort(const TokenStream& stream, const std::string& what,
                      int64_t wanted, int64_t context,
                      const std::string& advice) {
  return absl::InvalidArgumentError(
      absl::StrCat(stream.Names(), ": ", stream.size(), " tokens ", what,
                   "; model.gpt.context is ", context,
                   ", which takes at least ", wanted, advice));
}

absl::StatusOr<Slice> Whole(std::shared_ptr<const TokenStream> stream,
                            const std::string& what, int64_t context) {
  if (stream->size() < context + 1) {
    return TooShort(*stream, what, context + 1, context,
                    ". Use more text or a shorter context");
  }
  const int64_t size = stream->size();
  return Slice{std::move(stream), 0, size};
}

// How many tokens of `size` to validate on: the share, but at least a run for
// either part.
int64_t ValidationTokens(int64_t size, double share, int64_t context) {
  const auto wanted =
      static_cast<int64_t>(std::llround(static_cast<double>(size) * share));
  return std::clamp(wanted, context + 1, size - (context + 1));
}

int64_t BytesOfLabels(const Slice& slice, int64_t context,
                      BytesOfToken bytes_of) {
  std::vector<int32_t> tokens(kCountPiece);
  int64_t bytes = 0;
  const int64_t labels = slice.Runs(context) * context;
  for (int64_t at = 0; at < labels; at += kCountPiece) {
    const int64_t piece = std::min(kCountPiece, labels - at);
    slice.stream->Copy(slice.first + 1 + at, piece, tokens.data());
    for (int64_t i = 0; i < piece; ++i) {
      bytes += bytes_of(tokens[static_cast<size_t>(i)]);
    }
  }
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> MakeTokenDataset(
    std::shared_ptr<const TokenStream> training,
    std::shared_ptr<const TokenStream> validation,
    const TokenDatasetShape& shape, const BytesOfToken* bytes_of) {
  const int64_t context = shape.context;
  Slice train, validate;
  if (validation != nullptr) {
    ASSIGN_OR_RETURN(train, Whole(std::move(training), "to train on", context));
    ASSIGN_OR_RETURN(validate,
                     Whole(std::move(validation), "to validate on", context));
  } else {
    const int64_t size = training->size();
    if (size < 2 * (context + 1)) {
      return TooShort(*training, "to train and to validate on",
                      2 * (context + 1), context,
                      ". Use more text, a shorter context, or validation files "
                      "of their own");
    }
    const int64_t kept =
        size - ValidationTokens(size, shape.validation_share, context);
    train = {training, 0, kept};
    validate = {std::move(training), kept, size - kept};
  }
  const int64_t bytes =
      bytes_of == nullptr ? 0 : BytesOfLabels(validate, context, *bytes_of);
  return std::make_unique<TokenDataset>(std::move(train), std::move(validate),
                                        shape, bytes);
}

}  // namespace hawser
