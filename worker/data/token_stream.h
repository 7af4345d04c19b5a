// The tokens of several files end to end, wherever they are: bytes of a mapped
// text, a mapped token file, or an array in memory. Nothing is copied but what
// is asked for.
//
// Thread-compatible: const methods may run concurrently.
#ifndef HAWSER_WORKER_DATA_TOKEN_STREAM_H_
#define HAWSER_WORKER_DATA_TOKEN_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "worker/data/mapped_file.h"

namespace hawser {

class TokenStream {
 public:
  // Appends a file's tokens: its bytes from `offset` on, `width` bytes a token
  // (1, 2 or 4, little-endian, unsigned). Offset and what follows it are
  // multiples of the width.
  void AppendFile(const std::string& name, MappedFile file, size_t offset,
                  size_t width);
  // Appends tokens in memory; each is as wide as the vocabulary needs.
  void AppendTokens(const std::string& name, std::vector<uint16_t> tokens);
  void AppendTokens(const std::string& name, std::vector<uint32_t> tokens);

  int64_t size() const { return size_; }
  int64_t files() const { return static_cast<int64_t>(parts_.size()); }

  // Which file a token is in; 0 <= position < size().
  int64_t FileOf(int64_t position) const;

  // The names of the files, for errors: "a.txt", "a.txt and 3 more".
  std::string Names() const;

  // Copies tokens [first, first + count), which must be there.
  void Copy(int64_t first, int64_t count, int32_t* tokens) const;

  // Looks at every token. INVALID_ARGUMENT: one is `limit` or more; the message
  // names the file, the token, its position there, and limit_name.
  absl::Status CheckBelow(int64_t limit, const std::string& limit_name) const;

 private:
  struct Part {
    std::string name;
    std::shared_ptr<const void> owner;
    const void* data;
    size_t width;
    int64_t first;  // position of its first token in the stream
    int64_t count;
  };
  void Append(const std::string& name, std::shared_ptr<const void> owner,
              const void* data, size_t width, size_t count);

  std::vector<Part> parts_;
  int64_t size_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_TOKEN_STREAM_H_
