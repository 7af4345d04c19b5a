// IDX files (yann.lecun.com/exdb/mnist): a big-endian header, then bytes. Plain
// or gzip, told apart by their first bytes.
#ifndef HAWSER_WORKER_DATA_IDX_FILE_H_
#define HAWSER_WORKER_DATA_IDX_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"

namespace hawser {

struct IdxFile {
  std::vector<int64_t> dimensions;
  std::vector<uint8_t> values;  // the product of the dimensions
};

// Reads a file of unsigned bytes with `rank` dimensions. INVALID_ARGUMENT:
// wrong magic, truncated, longer than its header says, or absurdly large; the
// message names the path, what was found and what was expected.
absl::StatusOr<IdxFile> ReadIdxFile(FileDescriptor file,
                                    const std::string& path, int rank);

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_IDX_FILE_H_
