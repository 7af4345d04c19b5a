#include "common/shared_memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint64_t kHugePage = uint64_t{2} << 20;
// Allocations of up to `most` bytes share segments of address space; pages come
// as they are written, and go when all of a segment is freed. Small ones have
// small segments, so that little of what is freed is waited for.
struct SizeClass {
  uint64_t most;
  uint64_t segment;
};
constexpr SizeClass kClasses[] = {{uint64_t{256} << 10, uint64_t{4} << 20},
                                  {uint64_t{16} << 20, uint64_t{64} << 20}};
constexpr int kSeals =
    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

uint64_t BytesOf(int64_t elements) {
  const uint64_t bytes = static_cast<uint64_t>(elements) * sizeof(float);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

absl::StatusOr<std::shared_ptr<SharedSegment>> SharedSegment::Create(
    uint64_t bytes) {
  FileDescriptor file(memfd_create("hawser", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return SystemError("create", "shared memory");
  if (ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    return SystemError("size", "shared memory");
  }
  void* const data =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return SystemError("map", "shared memory");
  // Before this line it was nobody else's; this mapping stays writable.
  if (fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) {
    munmap(data, bytes);
    return SystemError("seal", "shared memory");
  }
  return absl::WrapUnique(
      new SharedSegment(std::move(file), static_cast<char*>(data), bytes));
}

SharedSegment::~SharedSegment() { munmap(data_, bytes_); }

std::shared_ptr<SharedSegment> SharedMemory::Grow(uint64_t bytes) {
  auto segment = SharedSegment::Create(bytes);
  if (!segment.ok()) {
    LOG_EVERY_N(WARNING, 1000)
        << "no shared memory, peers of this host get copies: "
        << segment.status().message();
    return nullptr;
  }
  for (auto it = segments_.begin(); it != segments_.end();) {
    it = it->second.expired() ? segments_.erase(it) : std::next(it);
  }
  segments_[(*segment)->data()] = *segment;
  return *std::move(segment);
}

SharedMemory::Floats SharedMemory::Allocate(int64_t elements) {
  const uint64_t bytes = std::max(BytesOf(elements), kAlignment);
  std::shared_ptr<SharedSegment> segment;
  uint64_t offset = 0;
  {
    absl::MutexLock lock(&mutex_);
    size_t c = 0;
    while (c < std::size(kClasses) && bytes > kClasses[c].most) ++c;
    if (c == std::size(kClasses)) {
      segment = Grow(bytes);
    } else {
      Filling& filling = filling_[c];
      if (filling.segment == nullptr ||
          bytes > kClasses[c].segment - filling.used) {
        filling = {Grow(kClasses[c].segment), 0};
      }
      segment = filling.segment;
      offset = filling.used;
      filling.used += bytes;
    }
  }
  if (segment == nullptr) return Ordinary(elements);
  auto* const data = reinterpret_cast<float*>(segment->data() + offset);
  return {data, {segment, offset}, segment};
}

void SharedMemory::BeginAnew() {
  absl::MutexLock lock(&mutex_);
  filling_ = {};
}

SharedMemory::Floats SharedMemory::Ordinary(int64_t elements) {
  const uint64_t bytes = std::max(BytesOf(elements), kAlignment);
  void* const data =
      std::aligned_alloc(bytes < kHugePage ? kAlignment : kHugePage, bytes);
  CHECK(data != nullptr) << "out of memory for " << bytes << " bytes";
  // Fewer faults when it is first written, fewer misses of the page tables
  // afterwards. A system without huge pages refuses, and it works all the same.
  if (bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);
  return {
      static_cast<float*>(data), {}, std::shared_ptr<void>(data, std::free)};
}

SharedMemory::Place SharedMemory::Find(absl::Span<const char> bytes) const {
  absl::MutexLock lock(&mutex_);
  auto after = segments_.upper_bound(bytes.data());
  if (after == segments_.begin()) return {};
  auto segment = std::prev(after)->second.lock();
  if (segment == nullptr) return {};
  const auto offset = static_cast<uint64_t>(bytes.data() - segment->data());
  if (offset > segment->bytes() || bytes.size() > segment->bytes() - offset) {
    return {};
  }
  return {std::move(segment), offset};
}

absl::StatusOr<std::shared_ptr<ForeignMemory>> ForeignMemory::Map(
    const FileDescriptor& file, uint64_t max_bytes) {
  const int seals = fcntl(file.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    return absl::FailedPreconditionError(
        "memory that is not sealed against shrinking");
  }
  struct statfs system = {};
  struct stat state = {};
  // A hole in huge pages may have no page to fill it with.
  if (fstatfs(file.get(), &system) != 0 || system.f_type != TMPFS_MAGIC ||
      fstat(file.get(), &state) != 0 || state.st_size <= 0) {
    return absl::FailedPreconditionError("not an ordinary memory file");
  }
  const auto bytes = static_cast<uint64_t>(state.st_size);
  if (bytes > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        bytes, " bytes of a peer's memory, at most ", max_bytes, " are taken"));
  }
  void* const data = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return SystemError("map", "a peer's memory");
  return absl::WrapUnique(
      new ForeignMemory(static_cast<const char*>(data), bytes));
}

ForeignMemory::~ForeignMemory() { munmap(const_cast<char*>(data_), bytes_); }

absl::StatusOr<absl::Span<const char>> ForeignMemory::At(uint64_t offset,
                                                         uint64_t bytes) const {
  if (offset > bytes_ || bytes > bytes_ - offset) {
    return absl::OutOfRangeError(
        absl::StrCat("bytes ", offset, " + ", bytes, " of memory of ", bytes_));
  }
  return absl::Span<const char>(data_ + offset, bytes);
}

}  // namespace hawser
