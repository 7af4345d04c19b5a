// The system calls that durable files are written and read back by: the
// machine's, unless a test or the simulator has some of them fail.
//
// Each is as the call it is named after: -1, with errno, if it fails.
// Thread-safe.
#ifndef HAWSER_COMMON_FILE_CALLS_H_
#define HAWSER_COMMON_FILE_CALLS_H_

#include <sys/types.h>

#include <cstddef>

namespace hawser {

class FileCalls {
 public:
  virtual ~FileCalls() = default;

  virtual ssize_t Write(int file, const void* data, size_t bytes);
  virtual int Fsync(int file);
  virtual int Rename(const char* from, const char* to);
  virtual ssize_t Pread(int file, void* out, size_t bytes, off_t offset);
};

// The machine's. Never destroyed, without state.
FileCalls* MachineFileCalls();

}  // namespace hawser

#endif  // HAWSER_COMMON_FILE_CALLS_H_
