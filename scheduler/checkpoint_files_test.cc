#include "scheduler/checkpoint_files.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/faulty_file_calls.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class CheckpointFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/checkpoint_files_test/step-4";
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    dropped_.set_step(4);
    dropped_.set_directory(directory_);
  }
  void Make(const std::set<std::string>& names) {
    for (const std::string& name : names) {
      std::ofstream(directory_ + "/" + name) << "content";
    }
  }
  std::set<std::string> Left() const {
    std::set<std::string> names;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(directory_, error)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
  const std::string root_ = testing::TempDir();
  std::string directory_;
  CheckpointDropped dropped_;
};

TEST_F(CheckpointFilesTest, NothingOutsideOfTheOutputRootIsTouched) {
  const std::set<std::string> all = {"server-0-a.safetensors",
                                     "server-1.tmp-abc"};
  Make(all);
  const std::string other = testing::TempDir() + "/checkpoint_files_other";
  std::filesystem::remove_all(other);
  std::filesystem::create_directories(other);
  CheckpointCommitted committed;
  CheckpointWritten file;
  file.set_file("server-0-a.safetensors");
  committed.set_step(4);
  file.set_step(4);
  // By its own name, and by a link that lies below the root.
  std::filesystem::create_directory_symlink(directory_, other + "/step-4");
  for (const std::string& directory : {directory_, other + "/step-4"}) {
    dropped_.set_directory(directory);
    EXPECT_TRUE(absl::IsPermissionDenied(RemoveCheckpoint(dropped_, other)));
    committed.set_directory(directory);
    RemoveSupersededFiles(committed, other);
    file.set_directory(directory);
    RemoveAbandonedFiles({file}, other);
    EXPECT_EQ(Left(), all);
  }
}

TEST_F(CheckpointFilesTest, ADroppedOneGoesWithItsDirectory) {
  Make({"manifest.json", "server-0-a.safetensors", "server-1-b.safetensors",
        "server-1.tmp-abc"});
  EXPECT_TRUE(RemoveCheckpoint(dropped_, root_).ok());
  EXPECT_FALSE(std::filesystem::exists(directory_));
  EXPECT_TRUE(RemoveCheckpoint(dropped_, root_).ok());  // once more
}

TEST_F(CheckpointFilesTest, WhatIsNotOursStays) {
  Make({"manifest.json", "server-0-a.safetensors", "notes.txt",
        "mine.safetensors"});
  dropped_.set_step(5);
  EXPECT_TRUE(RemoveCheckpoint(dropped_, root_).ok());
  EXPECT_EQ(Left().size(), 4u);
  dropped_.set_step(4);
  EXPECT_TRUE(RemoveCheckpoint(dropped_, root_).ok());
  EXPECT_EQ(Left(), (std::set<std::string>{"mine.safetensors", "notes.txt"}));
}

// A crash may come at any point, and so may a disk that fails.
TEST_F(CheckpointFilesTest, NoFileGoesBeforeItsManifestHasForGood) {
  Make({"manifest.json", "server-0-a.safetensors"});
  FaultyFileCalls disk;
  disk.fsync_error = EIO;
  EXPECT_FALSE(RemoveCheckpoint(dropped_, root_, &disk).ok());
  EXPECT_EQ(Left().count("server-0-a.safetensors"), 1u);
  disk.fsync_error = 0;
  EXPECT_TRUE(RemoveCheckpoint(dropped_, root_, &disk).ok());
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

TEST_F(CheckpointFilesTest, AbandonedFilesGoUnlessThereIsAManifest) {
  Make({"manifest.json", "server-0-a.safetensors", "server-1-b.safetensors"});
  CheckpointWritten file;
  file.set_step(4);
  file.set_directory(directory_);
  file.set_file("server-0-a.safetensors");
  RemoveAbandonedFiles({file}, root_);
  EXPECT_EQ(Left().size(), 3u);
  std::filesystem::remove(directory_ + "/manifest.json");
  RemoveAbandonedFiles({file}, root_);
  EXPECT_EQ(Left(), std::set<std::string>{"server-1-b.safetensors"});
  file.set_file("../step-4/server-1-b.safetensors");
  RemoveAbandonedFiles({file}, root_);
  EXPECT_EQ(Left().size(), 1u);
  file.set_file("server-1-b.safetensors");
  RemoveAbandonedFiles({file}, root_);
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

TEST_F(CheckpointFilesTest, WhatACommitSupersedesGoes) {
  Make({"server-0-new.safetensors", "server-0-old.safetensors",
        "server-0.tmp-x", "manifest.json.tmp-y", "notes.txt"});
  CheckpointCommitted committed;
  committed.set_step(4);
  committed.set_directory(directory_);
  committed.add_files()->set_file("server-0-new.safetensors");
  RemoveSupersededFiles(committed, root_);
  EXPECT_EQ(Left(),
            (std::set<std::string>{"server-0-new.safetensors", "notes.txt"}));
}

}  // namespace
}  // namespace hawser
