// A disk that fails as a test says. What is set holds until it is set anew.
//
// Thread-safe.
#ifndef HAWSER_COMMON_FAULTY_FILE_CALLS_H_
#define HAWSER_COMMON_FAULTY_FILE_CALLS_H_

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "common/file_calls.h"

namespace hawser {

class FaultyFileCalls : public FileCalls {
 public:
  // Errors that calls end with; 0: they work.
  std::atomic<int> fsync_error{0};
  std::atomic<int> rename_error{0};
  // Bytes that can still be written; then the disk is full.
  std::atomic<int64_t> room{std::numeric_limits<int64_t>::max()};
  // The next byte that is read back has a bit that is wrong.
  std::atomic<bool> flips_a_bit{false};

  ssize_t Write(int file, const void* data, size_t bytes) override {
    const int64_t left = room.load();
    if (left <= 0) return Fail(ENOSPC);
    const auto some = std::min(bytes, static_cast<size_t>(left));
    const ssize_t written = FileCalls::Write(file, data, some);
    if (written > 0) room -= written;
    return written;
  }
  int Fsync(int file) override {
    const int error = fsync_error.load();
    return error != 0 ? Fail(error) : FileCalls::Fsync(file);
  }
  int Rename(const char* from, const char* to) override {
    const int error = rename_error.load();
    return error != 0 ? Fail(error) : FileCalls::Rename(from, to);
  }
  ssize_t Pread(int file, void* out, size_t bytes, off_t offset) override {
    const ssize_t got = FileCalls::Pread(file, out, bytes, offset);
    if (got > 0 && flips_a_bit.exchange(false)) *static_cast<char*>(out) ^= 4;
    return got;
  }

 private:
  static int Fail(int error) {
    errno = error;
    return -1;
  }
};

}  // namespace hawser

#endif  // HAWSER_COMMON_FAULTY_FILE_CALLS_H_
