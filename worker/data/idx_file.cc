#include "worker/data/idx_file.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hawser {
namespace {

constexpr int64_t kMaxValues = int64_t{1} << 36;

struct Close {
  void operator()(gzFile_s* file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, Close>;

template <typename... Parts>
absl::Status Bad(const std::string& path, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", parts...));
}

// Bytes read, fewer at the end of the file, negative for damaged gzip data.
int64_t ReadSome(gzFile_s* file, uint8_t* out, int64_t bytes) {
  int64_t total = 0;
  while (total < bytes) {
    const auto now = static_cast<unsigned>(
        std::min<int64_t>(bytes - total, int64_t{1} << 28));
    const int got = gzread(file, out + total, now);
    if (got < 0) return -1;
    if (got == 0) break;
    total += got;
  }
  return total;
}

uint32_t BigEndian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 |
         uint32_t{bytes[2]} << 8 | bytes[3];
}

}  // namespace

absl::StatusOr<IdxFile> ReadIdxFile(FileDescriptor descriptor,
                                    const std::string& path, int rank) {
  // gzdopen reads plain files as they are. It owns the descriptor.
  const GzFile file(gzdopen(descriptor.Release(), "rb"));
  if (file == nullptr) return absl::InternalError("out of memory for zlib");
  gzbuffer(file.get(), 1 << 18);

  std::vector<uint8_t> header(4 + 4 * static_cast<size_t>(rank));
  const auto header_bytes = static_cast<int64_t>(header.size());
  const int64_t got = ReadSome(file.get(), header.data(), header_bytes);
  if (got < 0) return Bad(path, "damaged gzip data");
  if (got >= 4) {
    const uint32_t expected = 0x0800u + static_cast<uint32_t>(rank);
    const uint32_t magic = BigEndian(header.data());
    if (magic != expected) {
      return Bad(path, absl::StrFormat(
                           "magic number 0x%08x, expected 0x%08x: not an IDX "
                           "file of bytes with %d dimension(s)",
                           magic, expected, rank));
    }
  }
  if (got < header_bytes) {
    return Bad(path, "truncated: ", got, " bytes, an IDX header has ",
               header_bytes);
  }

  IdxFile idx;
  int64_t values = 1;
  for (int i = 0; i < rank; ++i) {
    const int64_t dimension = BigEndian(header.data() + 4 + 4 * i);
    idx.dimensions.push_back(dimension);
    if (dimension != 0 && values > kMaxValues / dimension) {
      return Bad(path, "dimensions that make more than ", kMaxValues,
                 " values");
    }
    values *= dimension;
  }
  // Grown as data really comes, so that a lying header costs nothing.
  constexpr int64_t kChunk = int64_t{1} << 24;
  while (static_cast<int64_t>(idx.values.size()) < values) {
    const auto before = static_cast<int64_t>(idx.values.size());
    const int64_t wanted = std::min(kChunk, values - before);
    idx.values.resize(static_cast<size_t>(before + wanted));
    const int64_t read =
        ReadSome(file.get(), idx.values.data() + before, wanted);
    if (read < 0) return Bad(path, "damaged gzip data");
    if (read < wanted) {
      return Bad(path, "truncated: ", before + read,
                 " bytes of values, the header says ", values);
    }
  }
  uint8_t more = 0;
  const int64_t rest = ReadSome(file.get(), &more, 1);
  if (rest < 0) return Bad(path, "damaged gzip data");
  if (rest != 0) {
    return Bad(path, "longer than its header says (", values,
               " bytes of values)");
  }
  return idx;
}

}  // namespace hawser
