// Memory that other processes of this host can be given to read, and such
// memory of another process, mapped here.
//
// A segment is a memfd: it has no name, so the kernel frees it when the last
// process that has it is gone, however that process ends. Its size is sealed
// before anybody else sees it, so that nobody who has mapped it can be made to
// fault; and it is sealed against further writing, so that whoever is given it
// can only read. See memfd_create(2), fcntl(2): F_SEAL_FUTURE_WRITE.
//
// Freed memory is not handed out again: a peer that still reads it reads what
// it was given.
//
// Thread-safe.
#ifndef HAWSER_COMMON_SHARED_MEMORY_H_
#define HAWSER_COMMON_SHARED_MEMORY_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/file_descriptor.h"

namespace hawser {

// One segment of this process, mapped for writing.
class SharedSegment {
 public:
  // Zeros, that take no memory until they are written. UNIMPLEMENTED,
  // RESOURCE_EXHAUSTED: the system has none to give.
  static absl::StatusOr<std::shared_ptr<SharedSegment>> Create(uint64_t bytes);
  ~SharedSegment();
  SharedSegment(const SharedSegment&) = delete;
  SharedSegment& operator=(const SharedSegment&) = delete;

  char* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }
  // To be sent to others; stays this object's.
  int descriptor() const { return file_.get(); }

 private:
  SharedSegment(FileDescriptor file, char* data, uint64_t bytes)
      : file_(std::move(file)), data_(data), bytes_(bytes) {}

  const FileDescriptor file_;
  char* const data_;
  const uint64_t bytes_;
};

class SharedMemory {
 public:
  struct Place {
    std::shared_ptr<const SharedSegment> segment;  // null: cannot be shared
    uint64_t offset = 0;                           // bytes
  };
  // Floats aligned for the widest vectors, of undefined content.
  struct Floats {
    float* data = nullptr;
    Place place;
    std::shared_ptr<void> owner;  // frees it
  };

  // Where the system gives no shared memory, memory of this process alone.
  Floats Allocate(int64_t elements);
  // What is allocated from here on shares no segment with what was before, so
  // that the memory of that goes as soon as all of it is freed.
  void BeginAnew();
  // Memory of this process alone.
  static Floats Ordinary(int64_t elements);

  // Where these bytes lie, if all of them are of one allocation's segment.
  Place Find(absl::Span<const char> bytes) const;

 private:
  std::shared_ptr<SharedSegment> Grow(uint64_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  // Shared by allocations of about one size, cut from its start.
  struct Filling {
    std::shared_ptr<SharedSegment> segment;
    uint64_t used = 0;
  };
  std::array<Filling, 2> filling_ ABSL_GUARDED_BY(mutex_);
  std::map<const char*, std::weak_ptr<SharedSegment>> segments_
      ABSL_GUARDED_BY(mutex_);  // by address
};

// Memory of another process, mapped for reading. It may change at any moment:
// nothing but float values may be taken from it.
class ForeignMemory {
 public:
  // FAILED_PRECONDITION: not a memfd, or one that can shrink or lacks pages:
  // reading it could end this process. RESOURCE_EXHAUSTED: larger than
  // max_bytes, or it cannot be mapped.
  static absl::StatusOr<std::shared_ptr<ForeignMemory>> Map(
      const FileDescriptor& file, uint64_t max_bytes);
  ~ForeignMemory();
  ForeignMemory(const ForeignMemory&) = delete;
  ForeignMemory& operator=(const ForeignMemory&) = delete;

  // OUT_OF_RANGE: not all of them are inside.
  absl::StatusOr<absl::Span<const char>> At(uint64_t offset,
                                            uint64_t bytes) const;
  uint64_t bytes() const { return bytes_; }

 private:
  ForeignMemory(const char* data, uint64_t bytes)
      : data_(data), bytes_(bytes) {}

  const char* const data_;
  const uint64_t bytes_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SHARED_MEMORY_H_
