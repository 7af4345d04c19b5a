#include "common/files.h"

#include <filesystem>

#include "common/crc32c.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/files_test";
    std::filesystem::remove_all(directory_);
    ASSERT_TRUE(MakeDirectories(directory_).ok());
  }
  size_t FilesHere() const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      static_cast<void>(entry);
      ++count;
    }
    return count;
  }
  std::string directory_;
};

TEST_F(FilesTest, ACommittedFileIsThereWhole) {
  const std::string path = directory_ + "/a";
  auto file = AtomicFile::Create(path);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Append("hello ").ok());
  ASSERT_TRUE(file->Append("world").ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(*ReadWholeFile(path, 100), "hello world");
  EXPECT_EQ(file->bytes(), 11u);
  EXPECT_EQ(file->crc32c(), Crc32c("hello world", 11));
  EXPECT_EQ(FilesHere(), 1u);
}

TEST_F(FilesTest, AnUncommittedFileLeavesNothing) {
  const std::string path = directory_ + "/a";
  ASSERT_TRUE(WriteWholeFile(path, "old").ok());
  {
    auto file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Append("half of the new").ok());
    AtomicFile moved = *std::move(file);
  }
  EXPECT_EQ(*ReadWholeFile(path, 100), "old");
  EXPECT_EQ(FilesHere(), 1u);
}

TEST_F(FilesTest, ErrorsNameThePath) {
  const auto missing = ReadWholeFile(directory_ + "/none", 10);
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_NE(missing.status().message().find(directory_ + "/none"),
            std::string::npos);
  ASSERT_TRUE(WriteWholeFile(directory_ + "/a", "12345678901").ok());
  EXPECT_TRUE(
      absl::IsResourceExhausted(ReadWholeFile(directory_ + "/a", 10).status()));
  EXPECT_FALSE(AtomicFile::Create(directory_ + "/no/such/place").ok());
}

}  // namespace
}  // namespace hawser
