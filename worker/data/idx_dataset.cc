#include "worker/data/idx_dataset.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rooted_path.h"
#include "common/simd.h"
#include "common/status_macros.h"
#include "worker/data/augmentation.h"
#include "worker/data/idx_file.h"

namespace hawser {
namespace {

constexpr int kImageRank = 3;
constexpr int kLabelRank = 1;

struct Part {
  std::vector<uint8_t> images;  // [samples, features]
  std::vector<uint8_t> labels;  // [samples]
  int64_t samples() const { return static_cast<int64_t>(labels.size()); }
};

HAWSER_SIMD
void ToFloats(const uint8_t* bytes, int64_t n, float* floats) {
  for (int64_t i = 0; i < n; ++i) {
    floats[i] = static_cast<float>(bytes[i]) * (1.0f / 255.0f);
  }
}

class IdxDataset : public Dataset {
 public:
  IdxDataset(Part training, Part validation, int64_t height, int64_t width,
             const AugmentationSpec& augmentation)
      : training_(std::move(training)),
        validation_(std::move(validation)),
        height_(height),
        width_(width),
        augmentation_(augmentation) {
    for (const Part* part : {&training_, &validation_}) {
      for (const uint8_t label : part->labels) {
        classes_ = std::max<int64_t>(classes_, label + 1);
      }
    }
  }

  DataShape shape() const override { return {height_ * width_, classes_}; }
  int64_t training_samples() const override { return training_.samples(); }
  int64_t validation_samples() const override { return validation_.samples(); }
  std::vector<int32_t> TrainingLabels() const override {
    return {training_.labels.begin(), training_.labels.end()};
  }

  void FillTraining(absl::Span<const int64_t> positions, uint64_t seed,
                    uint64_t epoch, Batch* batch) const override {
    Resize(static_cast<int64_t>(positions.size()), batch);
    for (size_t i = 0; i < positions.size(); ++i) {
      CopySample(training_, positions[i], i, batch);
      if (IsNeutral(augmentation_)) continue;
      Augment(
          augmentation_, seed, epoch, static_cast<uint64_t>(positions[i]),
          height_, width_,
          batch->features.data() + static_cast<int64_t>(i) * height_ * width_);
    }
  }

  void FillValidation(int64_t first, int64_t count,
                      Batch* batch) const override {
    Resize(count, batch);
    for (int64_t i = 0; i < count; ++i) {
      CopySample(validation_, first + i, static_cast<size_t>(i), batch);
    }
  }

 private:
  void Resize(int64_t samples, Batch* batch) const {
    batch->samples = samples;
    batch->features.resize(static_cast<size_t>(samples * height_ * width_));
    batch->labels.resize(static_cast<size_t>(samples));
  }

  void CopySample(const Part& part, int64_t position, size_t slot,
                  Batch* batch) const {
    const int64_t features = height_ * width_;
    ToFloats(part.images.data() + position * features, features,
             batch->features.data() + static_cast<int64_t>(slot) * features);
    batch->labels[slot] = part.labels[static_cast<size_t>(position)];
  }

  const Part training_;
  const Part validation_;
  const int64_t height_;
  const int64_t width_;
  const AugmentationSpec augmentation_;
  int64_t classes_ = 0;
};

// Opens a named file, or one of the usual names with or without ".gz".
absl::StatusOr<IdxFile> OpenPart(const std::string& root,
                                 const std::string& directory,
                                 const std::string& name,
                                 const std::string& usual, int rank) {
  std::vector<std::string> names = {name};
  if (name.empty()) names = {usual, usual + ".gz"};
  absl::Status first;
  for (const std::string& each : names) {
    const std::string path =
        directory.empty() ? each : absl::StrCat(directory, "/", each);
    auto file = OpenFileBeneath(root, path);
    if (file.ok()) return ReadIdxFile(*std::move(file), path, rank);
    if (first.ok()) first = file.status();
    if (!absl::IsNotFound(file.status())) return file.status();
  }
  return absl::Status(
      first.code(),
      absl::StrCat(first.message(), names.size() > 1 ? " (nor .gz)" : ""));
}

absl::StatusOr<Part> MakePart(const std::string& directory,
                              absl::string_view which, IdxFile images,
                              IdxFile labels) {
  const int64_t image_count = images.dimensions[0];
  const int64_t label_count = labels.dimensions[0];
  if (image_count != label_count) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, ": the ", which, " set has ", image_count,
                     " images but ", label_count, " labels"));
  }
  return Part{std::move(images.values), std::move(labels.values)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenIdxDataset(
    const DataSpec& spec, const std::string& data_root) {
  const IdxSpec& idx = spec.idx();
  const auto open = [&](const std::string& name, const std::string& usual,
                        int rank) {
    return OpenPart(data_root, idx.directory(), name, usual, rank);
  };
  ASSIGN_OR_RETURN(
      IdxFile train_images,
      open(idx.train_images(), "train-images-idx3-ubyte", kImageRank));
  ASSIGN_OR_RETURN(
      IdxFile train_labels,
      open(idx.train_labels(), "train-labels-idx1-ubyte", kLabelRank));
  ASSIGN_OR_RETURN(
      IdxFile validation_images,
      open(idx.validation_images(), "t10k-images-idx3-ubyte", kImageRank));
  ASSIGN_OR_RETURN(
      IdxFile validation_labels,
      open(idx.validation_labels(), "t10k-labels-idx1-ubyte", kLabelRank));
  const int64_t height = train_images.dimensions[1];
  const int64_t width = train_images.dimensions[2];
  if (train_images.dimensions[0] == 0 || height * width == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(idx.directory(), ": the training set is empty"));
  }
  if (validation_images.dimensions[0] != 0 &&
      (validation_images.dimensions[1] != height ||
       validation_images.dimensions[2] != width)) {
    return absl::InvalidArgumentError(absl::StrCat(
        idx.directory(), ": training images have ", height, " x ", width,
        " pixels, validation images ", validation_images.dimensions[1], " x ",
        validation_images.dimensions[2]));
  }
  ASSIGN_OR_RETURN(Part training,
                   MakePart(idx.directory(), "training",
                            std::move(train_images), std::move(train_labels)));
  ASSIGN_OR_RETURN(Part validation, MakePart(idx.directory(), "validation",
                                             std::move(validation_images),
                                             std::move(validation_labels)));
  return std::make_unique<IdxDataset>(std::move(training),
                                      std::move(validation), height, width,
                                      spec.augmentation());
}

}  // namespace hawser
