#include "common/files.h"

#include <filesystem>

#include "common/crc32c.h"
#include "common/faulty_file_calls.h"
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

TEST_F(FilesTest, ALargeFileHasEveryPieceInItsPlace) {
  const std::string path = directory_ + "/a";
  std::string content(21'000'001, '\0');
  for (size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i ^ (i >> 8) ^ (i >> 16));
  }
  auto file = AtomicFile::Create(path);
  ASSERT_TRUE(file.ok());
  const absl::string_view all = content;
  ASSERT_TRUE(file->Append(all.substr(0, 3)).ok());
  ASSERT_TRUE(file->Append(all.substr(3, 20'000'000)).ok());
  ASSERT_TRUE(file->Append(all.substr(20'000'003)).ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_TRUE(*ReadWholeFile(path, content.size()) == content);
  EXPECT_EQ(file->crc32c(), Crc32c(content.data(), content.size()));
  EXPECT_TRUE(CheckFile(path, file->bytes(), file->crc32c()).ok());
}

TEST_F(FilesTest, AFileThatIsNotWhatWasWrittenIsDamaged) {
  const std::string path = directory_ + "/a";
  ASSERT_TRUE(WriteWholeFile(path, "content").ok());
  const uint32_t crc32c = Crc32c("content", 7);
  FaultyFileCalls disk;
  EXPECT_TRUE(CheckFile(path, 7, crc32c, &disk).ok());
  EXPECT_TRUE(absl::IsDataLoss(CheckFile(path, 8, crc32c, &disk)));
  EXPECT_TRUE(absl::IsDataLoss(CheckFile(path, 7, crc32c + 1, &disk)));
  disk.flips_a_bit = true;
  EXPECT_TRUE(absl::IsDataLoss(CheckFile(path, 7, crc32c, &disk)));
  EXPECT_TRUE(absl::IsNotFound(CheckFile(path + "b", 7, crc32c, &disk)));
}

TEST_F(FilesTest, ADiskThatFailsLeavesWhatWasThere) {
  const std::string path = directory_ + "/a";
  ASSERT_TRUE(WriteWholeFile(path, "old").ok());
  FaultyFileCalls disk;
  const auto status = [&] { return WriteWholeFile(path, "new text", &disk); };
  disk.room = 3;
  EXPECT_TRUE(absl::IsResourceExhausted(status())) << status();
  disk.room = 1000;
  disk.fsync_error = EIO;
  EXPECT_NE(status().message().find("flush"), std::string::npos) << status();
  disk.fsync_error = 0;
  disk.rename_error = EROFS;
  EXPECT_FALSE(status().ok());
  EXPECT_EQ(*ReadWholeFile(path, 100), "old");
  EXPECT_EQ(FilesHere(), 1u);
  disk.rename_error = 0;
  EXPECT_TRUE(status().ok());
  EXPECT_EQ(*ReadWholeFile(path, 100), "new text");
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
