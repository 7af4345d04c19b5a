#include "tests/cuda_emulation/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "glog/logging.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes) ((void)(memory))
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes) ((void)(memory))
#endif

namespace cuda_emulation {
namespace {

constexpr size_t kAddresses = size_t{1} << 38;
constexpr size_t kAlignment = 256;  // as cudaMalloc
constexpr size_t kPage = 4096;
constexpr size_t kGuard = 256;
constexpr size_t kWorthGivingBack = 64 << 10;
constexpr char kBlank = '\xff';

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

char* Reserve() {
  void* memory = mmap(nullptr, kAddresses, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PCHECK(memory != MAP_FAILED) << "no addresses for the emulated device";
  return static_cast<char*>(memory);
}

}  // namespace

Memory::Memory() : start_(Reserve()) {
  const int file = memfd_create("device", MFD_CLOEXEC);
  PCHECK(file >= 0 && ftruncate(file, kAddresses) == 0);
  void* inside = mmap(nullptr, kAddresses, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE, file, 0);
  PCHECK(inside != MAP_FAILED) << "no memory for the emulated device";
  close(file);
  moved_ =
      reinterpret_cast<uintptr_t>(inside) - reinterpret_cast<uintptr_t>(start_);
}

void* Memory::Allocate(size_t bytes) {
  if (bytes > size_ - std::min(size_, in_use_)) return nullptr;
  const size_t whole = RoundUp(bytes, kAlignment) + kGuard;
  CHECK_LE(used_ + whole, kAddresses);
  char* const memory = start_ + used_;
  used_ += whole;
  in_use_ += bytes;
  pieces_[memory] = bytes;
  char* const inside = Inside(memory);
  ASAN_UNPOISON_MEMORY_REGION(inside, whole);
  std::memset(inside, kBlank, whole);
  ASAN_POISON_MEMORY_REGION(inside + bytes, whole - bytes);
  return memory;
}

bool Memory::Free(void* memory, std::string* why) {
  const auto piece = pieces_.find(static_cast<char*>(memory));
  if (piece == pieces_.end()) return false;
  char* const first = Inside(static_cast<char*>(memory));
  const size_t bytes = piece->second;
  const size_t whole = RoundUp(bytes, kAlignment) + kGuard;
  ASAN_UNPOISON_MEMORY_REGION(first, whole);
  if (std::any_of(first + bytes, first + whole,
                  [](char c) { return c != kBlank; })) {
    *why = "a kernel has written beyond the end of its memory";
  }
  ASAN_POISON_MEMORY_REGION(first, whole);
  if (whole >= kWorthGivingBack) {
    char* const page = Inside(
        start_ + RoundUp(static_cast<size_t>(first - Inside(start_)), kPage));
    const size_t inside = static_cast<size_t>(first + whole - page);
    madvise(page, inside / kPage * kPage, MADV_REMOVE);
  }
  in_use_ -= bytes;
  pieces_.erase(piece);
  return true;
}

bool Memory::Has(const void* memory, size_t bytes) const {
  const auto* first = static_cast<const char*>(memory);
  auto piece = pieces_.upper_bound(first);
  if (piece == pieces_.begin()) return false;
  --piece;
  // One beyond the end points to nothing, which may be passed.
  return first + bytes <= piece->first + piece->second;
}

}  // namespace cuda_emulation
