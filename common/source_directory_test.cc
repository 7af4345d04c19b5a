#include "common/source_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class SourceDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name =
        testing::UnitTest::GetInstance()->current_test_info()->name();
    root_ = testing::TempDir() + "/source_directory_test_" + name;
    ASSERT_TRUE(MakeDirectories(root_ + "/model").ok());
    ASSERT_TRUE(WriteWholeFile(root_ + "/model/b", "hello").ok());
    ASSERT_TRUE(WriteWholeFile(root_ + "/model/a", "").ok());
    ASSERT_TRUE(WriteWholeFile(root_ + "-outside", "secret").ok());
  }
  std::string root_;
};

TEST_F(SourceDirectoryTest, FilesAreReadWhereverTheDirectoryIs) {
  for (const SourceDirectory& directory :
       {SourceDirectory::Anywhere(root_ + "/model"),
        SourceDirectory::Beneath(root_, "model"),
        SourceDirectory::Beneath(root_, root_ + "/model"),
        SourceDirectory::Beneath(root_, "").Inside("model")}) {
    EXPECT_EQ(directory.PathOf("b"), root_ + "/model/b");
    const auto content = directory.Read("b", 5);
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(*content, "hello");
    EXPECT_TRUE(absl::IsResourceExhausted(directory.Read("b", 4).status()));
    EXPECT_TRUE(absl::IsNotFound(directory.Open("c").status()));
    const auto names = directory.List(2);
    ASSERT_TRUE(names.ok()) << names.status();
    EXPECT_EQ(*names, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(absl::IsResourceExhausted(directory.List(1).status()));
  }
}

TEST_F(SourceDirectoryTest, NothingLeadsOutOfTheRoot) {
  ASSERT_EQ(
      ::symlink((root_ + "-outside").c_str(), (root_ + "/model/link").c_str()),
      0);
  const SourceDirectory directory = SourceDirectory::Beneath(root_, "model");
  EXPECT_TRUE(absl::IsPermissionDenied(directory.Open("link").status()));
  for (const char* name : {"", ".", "..", "../model/b", "/etc/passwd"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(directory.Open(name).status())) << name;
  }
  EXPECT_FALSE(SourceDirectory::Beneath(root_, "..").List(100).ok());
  EXPECT_FALSE(SourceDirectory::Beneath(root_, "/etc").List(100).ok());
}

TEST_F(SourceDirectoryTest, APipeIsNoFile) {
  ASSERT_EQ(::mkfifo((root_ + "/model/pipe").c_str(), 0644), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      SourceDirectory::Beneath(root_, "model").Open("pipe").status()));
}

}  // namespace
}  // namespace hawser
