#include "common/file_calls.h"

#include <unistd.h>

#include <cstdio>

namespace hawser {

ssize_t FileCalls::Write(int file, const void* data, size_t bytes) {
  return ::write(file, data, bytes);
}

int FileCalls::Fsync(int file) { return ::fsync(file); }

int FileCalls::Rename(const char* from, const char* to) {
  return std::rename(from, to);
}

ssize_t FileCalls::Pread(int file, void* out, size_t bytes, off_t offset) {
  return ::pread(file, out, bytes, offset);
}

FileCalls* MachineFileCalls() {
  static FileCalls* const machine = new FileCalls;
  return machine;
}

}  // namespace hawser
