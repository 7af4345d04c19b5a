#include "common/output_directory.h"

#include <fcntl.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "common/files.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class OutputDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(base_);
    ASSERT_TRUE(MakeDirectories(root_).ok());
    ASSERT_TRUE(MakeDirectories(base_ + "/outside").ok());
  }
  const std::string base_ =
      std::filesystem::canonical(testing::TempDir()).string() +
      "/output_directory_test";
  const std::string root_ = base_ + "/root";
};

TEST_F(OutputDirectoryTest, IsWrittenInWholeFiles) {
  const auto directory = OutputDirectory::Make(root_, "a/b");
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(directory->path(), root_ + "/a/b");
  ASSERT_TRUE(WriteWholeFile(directory->Inside("file"), "in").ok());
  EXPECT_EQ(*ReadWholeFile(root_ + "/a/b/file", 10), "in");
}

TEST_F(OutputDirectoryTest, ALinkPutInItsPlaceLeadsNobodyOut) {
  const auto directory = OutputDirectory::Make(root_, "a");
  ASSERT_TRUE(directory.ok()) << directory.status();
  std::filesystem::rename(root_ + "/a", root_ + "/moved");
  std::filesystem::create_directory_symlink("../outside", root_ + "/a");
  ASSERT_TRUE(WriteWholeFile(directory->Inside("file"), "in").ok());
  EXPECT_TRUE(std::filesystem::exists(root_ + "/moved/file"));
  EXPECT_TRUE(std::filesystem::is_empty(base_ + "/outside"));
  EXPECT_EQ(OutputDirectory::Make(root_, "a").status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(OutputDirectory::Make(root_, "../outside").status().code(),
            absl::StatusCode::kPermissionDenied);
}

// Replaced by a link again and again while directories are made in it: every
// file lands below the root, or there is an error.
TEST_F(OutputDirectoryTest, ARaceIsNeverWon) {
  std::filesystem::create_directory(root_ + "/real");
  std::filesystem::create_directory_symlink("../outside", root_ + "/link");
  std::atomic<bool> over{false};
  std::thread attacker([&] {
    while (!over.load()) {
      renameat2(AT_FDCWD, (root_ + "/real").c_str(), AT_FDCWD,
                (root_ + "/link").c_str(), RENAME_EXCHANGE);
    }
  });
  int made = 0;
  int refused = 0;
  for (int i = 0; (made < 100 || refused < 100) && i < 1000000; ++i) {
    const auto directory = OutputDirectory::Make(root_, "real/deep");
    if (directory.ok()) {
      ++made;
      EXPECT_TRUE(WriteWholeFile(directory->Inside("file"), "in").ok());
    } else {
      ++refused;
    }
  }
  over.store(true);
  attacker.join();
  EXPECT_GE(made, 100);
  EXPECT_GE(refused, 100);
  EXPECT_TRUE(std::filesystem::is_empty(base_ + "/outside"));
}

TEST_F(OutputDirectoryTest, ErrorsNameThePath) {
  const auto directory = OutputDirectory::Make(root_, "a");
  const absl::Status status =
      directory->WithPath(WriteWholeFile(directory->Inside("b/c"), "x"));
  EXPECT_NE(status.message().find(root_ + "/a/b/c"), absl::string_view::npos)
      << status;
  EXPECT_EQ(status.message().find("/proc/"), absl::string_view::npos);
}

}  // namespace
}  // namespace hawser
