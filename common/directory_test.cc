#include "common/directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class DirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name =
        testing::UnitTest::GetInstance()->current_test_info()->name();
    root_ = testing::TempDir() + "/directory_test_" + name;
    ASSERT_TRUE(MakeDirectories(root_ + "/model").ok());
    ASSERT_TRUE(WriteWholeFile(root_ + "/model/b", "hello").ok());
    ASSERT_TRUE(WriteWholeFile(root_ + "/model/a", "").ok());
    ASSERT_TRUE(WriteWholeFile(root_ + "-outside", "secret").ok());
  }
  std::string root_;
};

TEST_F(DirectoryTest, FilesAreReadWhereverTheDirectoryIs) {
  for (const Directory& directory :
       {Directory::Anywhere(root_ + "/model"),
        Directory::Beneath(root_, "model"),
        Directory::Beneath(root_, root_ + "/model"),
        Directory::Beneath(root_, "").Inside("model")}) {
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

TEST_F(DirectoryTest, NothingLeadsOutOfTheRoot) {
  ASSERT_EQ(
      ::symlink((root_ + "-outside").c_str(), (root_ + "/model/link").c_str()),
      0);
  const Directory directory = Directory::Beneath(root_, "model");
  EXPECT_TRUE(absl::IsPermissionDenied(directory.Open("link").status()));
  for (const char* name : {"", ".", "..", "../model/b", "/etc/passwd"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(directory.Open(name).status())) << name;
  }
  EXPECT_FALSE(Directory::Beneath(root_, "..").List(100).ok());
  EXPECT_FALSE(Directory::Beneath(root_, "/etc").List(100).ok());
}

TEST_F(DirectoryTest, APipeIsNoFile) {
  ASSERT_EQ(::mkfifo((root_ + "/model/pipe").c_str(), 0644), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Directory::Beneath(root_, "model").Open("pipe").status()));
}

}  // namespace
}  // namespace hawser
