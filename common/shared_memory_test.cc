#include "common/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "gtest/gtest.h"

namespace hawser {
namespace {

FileDescriptor Memfd(int64_t bytes, int seals, unsigned flags = 0) {
  FileDescriptor file(
      memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
  if (file.valid() && ftruncate(file.get(), bytes) != 0) abort();
  if (file.valid() && seals != 0) fcntl(file.get(), F_ADD_SEALS, seals);
  return file;
}

absl::Span<const char> Bytes(const SharedMemory::Floats& floats, size_t n) {
  return {reinterpret_cast<const char*>(floats.data), n * sizeof(float)};
}

TEST(SharedMemoryTest, WhatIsWrittenHereIsReadThere) {
  SharedMemory memory;
  const SharedMemory::Floats first = memory.Allocate(1000);
  const SharedMemory::Floats second = memory.Allocate(10);
  ASSERT_NE(second.place.segment, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(second.data) % 64, 0u);
  EXPECT_GE(second.data, first.data + 1000);
  for (int i = 0; i < 10; ++i) second.data[i] = static_cast<float>(i);
  const auto there = ForeignMemory::Map(
      FileDescriptor(dup(second.place.segment->descriptor())), 1 << 30);
  ASSERT_TRUE(there.ok()) << there.status();
  const auto bytes = (*there)->At(second.place.offset, 40);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(std::memcmp(bytes->data(), second.data, 40), 0);
  second.data[3] = 77;  // the same pages
  EXPECT_EQ(std::memcmp(bytes->data(), second.data, 40), 0);
}

TEST(SharedMemoryTest, WhatSmallOnesHadIsFreedBeforeLong) {
  SharedMemory memory;
  constexpr int64_t kElements = 16 << 10;
  SharedMemory::Floats small = memory.Allocate(kElements);
  const SharedMemory::Floats large = memory.Allocate(1 << 20);
  const std::weak_ptr<const SharedSegment> first = small.place.segment;
  small = {};
  EXPECT_FALSE(first.expired()) << "others come to lie in it";
  // One after the other, as a worker's buffers in one incarnation after the
  // other: 5 MiB in all.
  for (int i = 0; i < 80; ++i) small = memory.Allocate(kElements);
  EXPECT_TRUE(first.expired());
  EXPECT_NE(small.place.segment, large.place.segment);
}

TEST(SharedMemoryTest, WhatWasBeforeGoesWhenAllOfItIsFreed) {
  SharedMemory memory;
  SharedMemory::Floats before = memory.Allocate(1000);
  const std::weak_ptr<const SharedSegment> segment = before.place.segment;
  memory.BeginAnew();
  const SharedMemory::Floats after = memory.Allocate(1000);
  EXPECT_NE(after.place.segment, before.place.segment);
  before = {};
  EXPECT_TRUE(segment.expired());
}

TEST(SharedMemoryTest, OnlyWhatLiesInsideIsFound) {
  SharedMemory memory;
  const SharedMemory::Floats small = memory.Allocate(100);
  const SharedMemory::Floats large = memory.Allocate(8 << 20);
  ASSERT_NE(large.place.segment, small.place.segment);
  const auto place = memory.Find(Bytes(small, 100).subspan(4, 8));
  EXPECT_EQ(place.segment, small.place.segment);
  EXPECT_EQ(place.offset, small.place.offset + 4);
  EXPECT_EQ(memory.Find(Bytes(large, 8 << 20)).segment, large.place.segment);
  EXPECT_EQ(memory.Find(Bytes(large, (8 << 20) + 1)).segment, nullptr);
  const std::string elsewhere = "elsewhere";
  EXPECT_EQ(memory.Find(elsewhere).segment, nullptr);
  const SharedMemory::Floats ordinary = SharedMemory::Ordinary(10);
  EXPECT_EQ(memory.Find(Bytes(ordinary, 10)).segment, nullptr);
}

TEST(SharedMemoryTest, FreedMemoryIsNotFoundAndNotGivenAgain) {
  SharedMemory memory;
  absl::Span<const char> bytes;
  {
    const SharedMemory::Floats large = memory.Allocate(8 << 20);
    bytes = Bytes(large, 8 << 20);
  }
  EXPECT_EQ(memory.Find(bytes).segment, nullptr);
  const SharedMemory::Floats first = memory.Allocate(16);
  float* const before = first.data;
  const SharedMemory::Floats second = memory.Allocate(16);
  EXPECT_NE(second.data, before);
}

TEST(SharedMemoryTest, WhoeverIsGivenItCanOnlyReadAndNobodyCanShrinkIt) {
  const auto segment = SharedSegment::Create(1 << 16);
  ASSERT_TRUE(segment.ok()) << segment.status();
  const int file = (*segment)->descriptor();
  EXPECT_EQ(mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
            MAP_FAILED);
  EXPECT_EQ(write(file, "x", 1), -1);
  EXPECT_NE(ftruncate(file, 0), 0);
  EXPECT_NE(ftruncate(file, 1 << 20), 0);
  EXPECT_NE(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), 0);
  (*segment)->data()[5] = 'x';  // its owner goes on
}

TEST(ForeignMemoryTest, MemoryThatCouldEndThisProcessIsRefused) {
  constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
  EXPECT_EQ(ForeignMemory::Map(Memfd(4096, 0), 1 << 20).status().code(),
            kRefused);
  EXPECT_EQ(
      ForeignMemory::Map(Memfd(4096, F_SEAL_GROW), 1 << 20).status().code(),
      kRefused);
  EXPECT_EQ(
      ForeignMemory::Map(Memfd(0, F_SEAL_SHRINK), 1 << 20).status().code(),
      kRefused);
  EXPECT_EQ(
      ForeignMemory::Map(FileDescriptor(open("/dev/zero", O_RDONLY)), 1 << 20)
          .status()
          .code(),
      kRefused);
  EXPECT_EQ(ForeignMemory::Map(FileDescriptor(), 1 << 20).status().code(),
            kRefused);
  // Huge pages may not be there when they are touched.
  const FileDescriptor huge = Memfd(2 << 20, F_SEAL_SHRINK, MFD_HUGETLB);
  if (huge.valid()) {
    EXPECT_EQ(ForeignMemory::Map(huge, 4 << 20).status().code(), kRefused);
  }
  EXPECT_EQ(ForeignMemory::Map(Memfd(2 << 20, F_SEAL_SHRINK), 1 << 20)
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(ForeignMemoryTest, NothingOutsideIsShown) {
  const auto memory = ForeignMemory::Map(Memfd(4096, F_SEAL_SHRINK), 4096);
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_TRUE((*memory)->At(0, 4096).ok());
  EXPECT_TRUE((*memory)->At(4096, 0).ok());
  constexpr uint64_t kMost = ~uint64_t{0};
  for (const auto& [offset, bytes] :
       std::initializer_list<std::pair<uint64_t, uint64_t>>{{0, 4097},
                                                            {4096, 1},
                                                            {4097, 0},
                                                            {kMost, 2},
                                                            {kMost - 3, 4},
                                                            {8, kMost},
                                                            {kMost, kMost}}) {
    EXPECT_EQ((*memory)->At(offset, bytes).status().code(),
              absl::StatusCode::kOutOfRange)
        << offset << " " << bytes;
  }
}

TEST(ForeignMemoryTest, ItStaysWhenItsProcessIsGone) {
  // The child makes it, hands it over by a pipe of its /proc name, and is
  // killed.
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto segment = SharedSegment::Create(4096);
    std::strcpy((*segment)->data(), "still here");
    const int file = (*segment)->descriptor();
    if (write(ready[1], &file, sizeof(file)) != sizeof(file)) _exit(1);
    for (;;) pause();
  }
  int number = -1;
  ASSERT_EQ(read(ready[0], &number, sizeof(number)),
            static_cast<ssize_t>(sizeof(number)));
  const std::string path =
      "/proc/" + std::to_string(child) + "/fd/" + std::to_string(number);
  const auto memory =
      ForeignMemory::Map(FileDescriptor(open(path.c_str(), O_RDONLY)), 4096);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_STREQ((*memory)->At(0, 4096)->data(), "still here");
}

}  // namespace
}  // namespace hawser
