#include "worker/data/idx_dataset.h"

#include <sys/stat.h>
#include <zlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

std::string Number(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

// images of 2 x 3 pixels: pixel p of image i is 10 i + p.
std::string Images(uint32_t count) {
  std::string file = Number(0x803) + Number(count) + Number(2) + Number(3);
  for (uint32_t i = 0; i < count; ++i) {
    for (uint32_t p = 0; p < 6; ++p) {
      file.push_back(static_cast<char>(10 * i + p));
    }
  }
  return file;
}

std::string Labels(uint32_t count) {
  std::string file = Number(0x801) + Number(count);
  for (uint32_t i = 0; i < count; ++i) file.push_back(static_cast<char>(i % 3));
  return file;
}

class IdxDatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/idx_dataset_test";
    std::filesystem::remove_all(root_);
    ASSERT_TRUE(MakeDirectories(root_ + "/d").ok());
    Write("train-images-idx3-ubyte", Images(5));
    Write("train-labels-idx1-ubyte", Labels(5));
    Write("t10k-images-idx3-ubyte", Images(2));
    Write("t10k-labels-idx1-ubyte", Labels(2));
    spec_.mutable_idx()->set_directory("d");
  }
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteWholeFile(root_ + "/d/" + name, content).ok());
  }
  void WriteGzip(const std::string& name, const std::string& content) {
    gzFile file = gzopen((root_ + "/d/" + name).c_str(), "wb");
    ASSERT_EQ(
        gzwrite(file, content.data(), static_cast<unsigned>(content.size())),
        static_cast<int>(content.size()));
    gzclose(file);
  }
  std::string Error() {
    const auto data = OpenDataset(spec_, ModelSpec(), root_);
    EXPECT_FALSE(data.ok());
    return std::string(data.status().message());
  }
  std::string root_;
  DataSpec spec_;
};

TEST_F(IdxDatasetTest, ReadsPlainAndGzip) {
  std::filesystem::remove(root_ + "/d/train-images-idx3-ubyte");
  WriteGzip("train-images-idx3-ubyte.gz", Images(5));
  const auto data = OpenDataset(spec_, ModelSpec(), root_);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ((*data)->shape().features, 6);
  EXPECT_EQ((*data)->shape().classes, 3);
  EXPECT_EQ((*data)->training_samples(), 5);
  EXPECT_EQ((*data)->validation_samples(), 2);
  EXPECT_EQ((*data)->TrainingLabels(), (std::vector<int32_t>{0, 1, 2, 0, 1}));
  Batch batch;
  (*data)->FillTraining({4, 1}, 0, 0, &batch);
  EXPECT_EQ(batch.samples, 2);
  EXPECT_EQ(batch.labels, (std::vector<int32_t>{1, 1}));
  EXPECT_FLOAT_EQ(batch.features[0], 40 / 255.0f);
  EXPECT_FLOAT_EQ(batch.features[11], 15 / 255.0f);
  (*data)->FillValidation(1, 1, &batch);
  EXPECT_EQ(batch.samples, 1);
  EXPECT_FLOAT_EQ(batch.features[5], 15 / 255.0f);
}

TEST_F(IdxDatasetTest, WhatIsWrongIsNamed) {
  Write("train-images-idx3-ubyte", Images(6));
  EXPECT_THAT(Error(), HasSubstr("6 images but 5 labels"));
  Write("train-images-idx3-ubyte", Images(5).substr(0, 30));
  EXPECT_THAT(Error(), HasSubstr("truncated: 14 bytes of values, the header "
                                 "says 30"));
  Write("train-images-idx3-ubyte", Images(5).substr(0, 7));
  EXPECT_THAT(Error(), HasSubstr("truncated"));
  Write("train-images-idx3-ubyte", "");
  EXPECT_THAT(Error(), HasSubstr("truncated"));
  Write("train-images-idx3-ubyte", Images(5) + "x");
  EXPECT_THAT(Error(), HasSubstr("longer than its header says"));
  Write("train-images-idx3-ubyte", Labels(5));
  EXPECT_THAT(Error(), HasSubstr("magic number 0x00000801"));
  Write("train-images-idx3-ubyte",
        Number(0x803) + Number(~0u) + Number(~0u) + Number(~0u));
  EXPECT_THAT(Error(), HasSubstr("dimensions that make more"));
  Write("train-images-idx3-ubyte",
        Number(0x803) + Number(1 << 30) + Number(2) + Number(3));
  EXPECT_THAT(Error(), HasSubstr("truncated"));
  Write("train-images-idx3-ubyte", Images(0));
  EXPECT_THAT(Error(), HasSubstr("empty"));
  std::filesystem::remove(root_ + "/d/train-images-idx3-ubyte");
  EXPECT_THAT(Error(), HasSubstr("train-images-idx3-ubyte"));
  ASSERT_EQ(mkfifo((root_ + "/d/train-images-idx3-ubyte").c_str(), 0600), 0);
  EXPECT_THAT(Error(), HasSubstr("is not an ordinary file"));
  std::filesystem::remove(root_ + "/d/train-images-idx3-ubyte");
  std::filesystem::create_directory(root_ + "/d/train-images-idx3-ubyte");
  EXPECT_THAT(Error(), HasSubstr("is not an ordinary file"));
  std::filesystem::remove(root_ + "/d/train-images-idx3-ubyte");
  WriteGzip("train-images-idx3-ubyte.gz", Images(5));
  const auto size =
      std::filesystem::file_size(root_ + "/d/train-images-idx3-ubyte.gz");
  std::filesystem::resize_file(root_ + "/d/train-images-idx3-ubyte.gz",
                               size / 2);
  EXPECT_THAT(Error(), testing::AnyOf(HasSubstr("truncated"),
                                      HasSubstr("damaged gzip")));
}

TEST_F(IdxDatasetTest, StaysBelowTheRoot) {
  spec_.mutable_idx()->set_directory("/etc");
  EXPECT_EQ(OpenDataset(spec_, ModelSpec(), root_).status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(IdxDatasetTest, AugmentationDependsOnSeedEpochAndPositionAlone) {
  spec_.mutable_augmentation()->set_shift_pixels(1);
  spec_.mutable_augmentation()->set_rotation_degrees(10);
  spec_.mutable_augmentation()->set_elastic_strength_pixels(0.5);
  spec_.mutable_augmentation()->set_elastic_sigma_pixels(2);
  const auto data = OpenDataset(spec_, ModelSpec(), root_);
  ASSERT_TRUE(data.ok()) << data.status();
  Batch a, b;
  (*data)->FillTraining({1, 2}, 9, 3, &a);
  (*data)->FillTraining({2}, 9, 3, &b);
  EXPECT_EQ(std::vector<float>(a.features.begin() + 6, a.features.end()),
            b.features);
  (*data)->FillTraining({2}, 9, 4, &a);
  EXPECT_NE(a.features, b.features);
  (*data)->FillTraining({2}, 8, 3, &a);
  EXPECT_NE(a.features, b.features);
  // Validation images are never changed.
  (*data)->FillValidation(0, 1, &a);
  EXPECT_FLOAT_EQ(a.features[5], 5 / 255.0f);
}

}  // namespace
}  // namespace hawser
