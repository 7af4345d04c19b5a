#include "server/checkpoint_writer.h"

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/faulty_file_calls.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Real threads for which waiting takes no time: the clock jumps ahead.
class EagerThreads : public Threads, public Clock {
 public:
  std::unique_ptr<Thread> Start(std::function<void()> body) override {
    return RealThreads()->Start(std::move(body));
  }
  bool AwaitFor(absl::Mutex* mutex, const absl::Condition& condition,
                absl::Duration timeout) override {
    if (timeout == absl::InfiniteDuration()) {
      return RealThreads()->AwaitFor(mutex, condition, timeout);
    }
    absl::MutexLock lock(&mutex_);
    now_ += timeout;
    return false;
  }
  void Sleep(absl::Duration) override {}
  absl::Time Now() const override {
    absl::MutexLock lock(&mutex_);
    return now_;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(0);
};

class CheckpointWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/checkpoint_writer_test";
    std::filesystem::remove_all(root_);
    ASSERT_TRUE(MakeDirectories(root_).ok());
    writer_ = std::make_unique<CheckpointWriter>(
        root_, &disk_, &threads_, &threads_, /*trace=*/nullptr,
        [this](uint64_t job, uint64_t step,
               const absl::StatusOr<CheckpointWritten>& written) {
          absl::MutexLock lock(&mutex_);
          told_.push_back(absl::StrCat(absl::ToUnixSeconds(threads_.Now()),
                                       "s: job ", job, " step ", step,
                                       written.ok() ? "" : " failed"));
          error_ = std::string(written.status().message());
          if (told_.size() == repaired_after_) Repair();
        });
  }

  static CheckpointSnapshot Snapshot(uint64_t job, uint64_t step,
                                     bool is_last) {
    auto values = std::make_shared<FloatBuffer>(2);
    values->data()[0] = 1;
    values->data()[1] = 2;
    CheckpointSnapshot snapshot;
    snapshot.job = job;
    snapshot.step = step;
    snapshot.directory = absl::StrCat("job-", job);
    snapshot.is_last = is_last;
    snapshot.blocks.push_back({0, step, values, {"velocity"}, {values}});
    return snapshot;
  }
  void Repair() {
    disk_.room = 1 << 20;
    disk_.fsync_error = 0;
  }
  // The first `count` outcomes, once they are there.
  std::vector<std::string> Told(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto all = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return told_.size() >= count;
    };
    mutex_.Await(absl::Condition(&all));
    return told_;
  }
  size_t FilesIn(const std::string& directory) const {
    size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(root_ + "/" + directory)) {
      static_cast<void>(entry);
      ++count;
    }
    return count;
  }

  std::string root_;
  FaultyFileCalls disk_;
  EagerThreads threads_;
  absl::Mutex mutex_;
  std::vector<std::string> told_ ABSL_GUARDED_BY(mutex_);
  std::string error_ ABSL_GUARDED_BY(mutex_);
  size_t repaired_after_ = 0;
  std::unique_ptr<CheckpointWriter> writer_;
};

TEST_F(CheckpointWriterTest, OneThatFailsIsGivenUpAndTheNextOneIsWritten) {
  disk_.room = 10;
  writer_->Write(Snapshot(1, 4, /*is_last=*/false));
  EXPECT_THAT(Told(1), ElementsAre("0s: job 1 step 4 failed"));
  EXPECT_THAT(error_, HasSubstr("No space left"));
  EXPECT_EQ(FilesIn("job-1/step-4"), 0u);
  Repair();
  writer_->Write(Snapshot(1, 8, /*is_last=*/false));
  EXPECT_EQ(Told(2)[1], "0s: job 1 step 8");
  EXPECT_EQ(FilesIn("job-1/step-8"), 1u);
}

TEST_F(CheckpointWriterTest, TheLastOneIsTriedUntilItIsThere) {
  disk_.fsync_error = EIO;
  repaired_after_ = 4;
  writer_->Write(Snapshot(1, 9, /*is_last=*/true));
  EXPECT_THAT(Told(5),
              ElementsAre("0s: job 1 step 9 failed", "1s: job 1 step 9 failed",
                          "3s: job 1 step 9 failed", "7s: job 1 step 9 failed",
                          "15s: job 1 step 9"));
  EXPECT_EQ(FilesIn("job-1/step-9"), 1u);
}

TEST_F(CheckpointWriterTest, OthersPassTheOneThatIsTriedAgain) {
  disk_.room = 10;
  repaired_after_ = 1;
  writer_->Write(Snapshot(1, 9, /*is_last=*/true));
  writer_->Write(Snapshot(2, 4, /*is_last=*/false));
  const std::vector<std::string> told = Told(3);
  EXPECT_EQ(told[0], "0s: job 1 step 9 failed");
  EXPECT_THAT(std::vector<std::string>(told.begin() + 1, told.end()),
              testing::UnorderedElementsAre(HasSubstr("job 2 step 4"),
                                            "1s: job 1 step 9"));
}

TEST_F(CheckpointWriterTest, TheLastOneIsReadBack) {
  disk_.flips_a_bit = true;
  writer_->Write(Snapshot(1, 4, /*is_last=*/false));
  EXPECT_EQ(Told(1)[0], "0s: job 1 step 4");
  EXPECT_TRUE(disk_.flips_a_bit);
  writer_->Write(Snapshot(1, 9, /*is_last=*/true));
  EXPECT_EQ(Told(2)[1], "0s: job 1 step 9 failed");
  EXPECT_EQ(Told(3)[2], "1s: job 1 step 9");
}

TEST_F(CheckpointWriterTest, AJobThatIsOverIsForgotten) {
  disk_.room = 10;
  writer_->Write(Snapshot(1, 9, /*is_last=*/true));
  Told(1);
  writer_->Forget(1);
  Repair();
  writer_->Write(Snapshot(2, 4, /*is_last=*/false));
  const auto is_of_job_2 = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return told_.back().find("job 2") != std::string::npos;
  };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&is_of_job_2));
  EXPECT_EQ(writer_->waiting(), 0u);
}

}  // namespace
}  // namespace hawser
