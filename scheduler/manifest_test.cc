#include "scheduler/manifest.h"

#include <filesystem>
#include <string>

#include "common/checkpoint/manifest.h"
#include "common/faulty_file_calls.h"
#include "common/files.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class ManifestTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/manifest_test/step-4";
    std::filesystem::remove_all(directory_);
    ASSERT_TRUE(MakeDirectories(directory_).ok());
    ASSERT_TRUE(WriteWholeFile(directory_ + "/server-0", "content").ok());
    plan_.mutable_spec()->set_name("a");
    plan_.set_total_steps(8);
    plan_.set_parameters(3);
    plan_.add_tensors()->set_name("w");
    plan_.mutable_tensors(0)->add_dimensions(3);
    plan_.add_blocks()->set_elements(3);
    checkpoint_.set_step(4);
    checkpoint_.set_directory(directory_);
    CheckpointWritten* file = checkpoint_.add_files();
    file->set_file("server-0");
    file->set_bytes(7);
    file->set_crc32c(5);
  }

  std::string directory_;
  Plan plan_;
  CheckpointCommitted checkpoint_;
  FaultyFileCalls disk_;
};

TEST_F(ManifestTest, IsReadAsItWasWritten) {
  ASSERT_TRUE(
      WriteManifest(plan_, checkpoint_, testing::TempDir(), &disk_).ok());
  const auto text = ReadWholeFile(directory_ + "/manifest.json", 1 << 20);
  ASSERT_TRUE(text.ok());
  const auto manifest = ParseManifest(*text);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->job, "a");
  EXPECT_EQ(manifest->step, 4u);
  EXPECT_EQ(manifest->parameters, 3u);
  ASSERT_EQ(manifest->files.size(), 1u);
  EXPECT_EQ(manifest->files[0].name, "server-0");
}

TEST_F(ManifestTest, NamesNoFileThatIsNotThereWhole) {
  checkpoint_.mutable_files(0)->set_bytes(8);
  EXPECT_TRUE(absl::IsDataLoss(
      WriteManifest(plan_, checkpoint_, testing::TempDir(), &disk_)));
  checkpoint_.mutable_files(0)->set_file("server-1");
  EXPECT_TRUE(absl::IsDataLoss(
      WriteManifest(plan_, checkpoint_, testing::TempDir(), &disk_)));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/manifest.json"));
}

TEST_F(ManifestTest, IsNotWrittenOutsideOfTheOutputRoot) {
  const std::string other = testing::TempDir() + "/manifest_other";
  std::filesystem::create_directories(other);
  EXPECT_TRUE(absl::IsPermissionDenied(
      WriteManifest(plan_, checkpoint_, other, &disk_)));
  checkpoint_.mutable_files(0)->set_file("../../etc/passwd");
  EXPECT_TRUE(absl::IsDataLoss(
      WriteManifest(plan_, checkpoint_, testing::TempDir(), &disk_)));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/manifest.json"));
}

TEST_F(ManifestTest, TheLastOneIsReadBack) {
  disk_.flips_a_bit = true;
  EXPECT_TRUE(
      WriteManifest(plan_, checkpoint_, testing::TempDir(), &disk_).ok());
  plan_.set_total_steps(4);
  EXPECT_TRUE(absl::IsDataLoss(
      WriteManifest(plan_, checkpoint_, testing::TempDir(), &disk_)));
  EXPECT_TRUE(
      WriteManifest(plan_, checkpoint_, testing::TempDir(), &disk_).ok());
}

}  // namespace
}  // namespace hawser
