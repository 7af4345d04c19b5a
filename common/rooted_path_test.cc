#include "common/rooted_path.h"

#include <fcntl.h>

#include <filesystem>

#include "common/files.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class RootedPathTest : public testing::Test {
 protected:
  void SetUp() override {
    base_ = std::filesystem::canonical(testing::TempDir()).string() +
            "/rooted_path_test";
    std::filesystem::remove_all(base_);
    root_ = base_ + "/root";
    ASSERT_TRUE(MakeDirectories(root_ + "/inside").ok());
    ASSERT_TRUE(WriteWholeFile(root_ + "/inside/file", "in").ok());
    ASSERT_TRUE(WriteWholeFile(base_ + "/secret", "out").ok());
    std::filesystem::create_symlink("../secret", root_ + "/relative_link");
    std::filesystem::create_symlink(base_ + "/secret",
                                    root_ + "/absolute_link");
    std::filesystem::create_symlink("..", root_ + "/up");
    std::filesystem::create_symlink("inside", root_ + "/within");
  }
  absl::StatusCode Open(const std::string& path) {
    return OpenBeneath(root_, path, O_RDONLY).status().code();
  }
  std::string base_;
  std::string root_;
};

TEST_F(RootedPathTest, OpensWhatLiesBelow) {
  EXPECT_EQ(Open("inside/file"), absl::StatusCode::kOk);
  EXPECT_EQ(Open("within/file"), absl::StatusCode::kOk);
  EXPECT_EQ(Open("inside/../inside/file"), absl::StatusCode::kOk);
  EXPECT_EQ(Open(root_ + "/inside/file"), absl::StatusCode::kOk);
  EXPECT_EQ(Open("none"), absl::StatusCode::kNotFound);
  EXPECT_TRUE(OpenBeneath("/", root_ + "/inside/file", O_RDONLY).status().ok());
}

TEST_F(RootedPathTest, NothingGetsOut) {
  for (const std::string path :
       {"../secret", "inside/../../secret", "relative_link", "absolute_link",
        "up/secret", "/etc/passwd"}) {
    EXPECT_EQ(Open(path), absl::StatusCode::kPermissionDenied) << path;
  }
  EXPECT_EQ(Open(base_ + "/secret"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Open(root_ + "/../secret"), absl::StatusCode::kPermissionDenied);
}

TEST_F(RootedPathTest, MakesDirectoriesBelowOnly) {
  const auto made = MakeDirectoriesBeneath(root_, "a/b/c");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(*made, root_ + "/a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(root_ + "/a/b/c"));
  EXPECT_TRUE(MakeDirectoriesBeneath(root_, "a/b/c").ok());
  EXPECT_FALSE(MakeDirectoriesBeneath(root_, "up/escaped").ok());
  EXPECT_FALSE(MakeDirectoriesBeneath(root_, "../escaped").ok());
  EXPECT_FALSE(std::filesystem::exists(base_ + "/escaped"));
}

TEST_F(RootedPathTest, OnlyOrdinaryFilesAreRead) {
  EXPECT_TRUE(OpenFileBeneath(root_, "inside/file").ok());
  EXPECT_EQ(OpenFileBeneath(root_, "inside").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenFileBeneath(root_, "up/secret").status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(RootedPathTest, ListsTheFilesOfADirectoryInOrder) {
  ASSERT_TRUE(MakeDirectories(root_ + "/inside/deeper").ok());
  ASSERT_TRUE(WriteWholeFile(root_ + "/inside/a", "").ok());
  const auto files = ListFilesBeneath(root_, "inside", 2);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(*files, (std::vector<std::string>{"inside/a", "inside/file"}));
  EXPECT_EQ(*ListFilesBeneath(root_, "inside/file", 2),
            std::vector<std::string>{"inside/file"});
  EXPECT_EQ(ListFilesBeneath(root_, "inside", 1).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ListFilesBeneath(root_, "up", 9).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ListFilesBeneath(root_, "nothing", 9).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hawser
