// Files that TensorBoard shows (github.com/tensorflow/tensorboard): events, one
// after the other, in the framing of TensorFlow's TFRecord files:
//
//   uint64 length, uint32 masked CRC32C of the length,
//   the event,     uint32 masked CRC32C of the event     all little-endian
//
//   file = EventFile::Create(directory)        events.out.tfevents.TIME.HOST...
//   file.AppendStart(400, now)                 begin anew after a roll-back
//   file.AppendScalars(412, now, {{"loss/training", 0.31}})
//
// A reader that comes while a file grows sees whole events and the beginning of
// one, which it waits for. Nothing is synced: what a power cut takes is a few
// seconds of a curve.
//
// Thread-compatible.
#ifndef HAWSER_COMMON_TENSORBOARD_EVENT_FILE_H_
#define HAWSER_COMMON_TENSORBOARD_EVENT_FILE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hawser {

// Tag and value.
using Scalars = std::vector<std::pair<std::string, double>>;

// A record as it lies in the file.
std::string TfRecord(absl::string_view content);

class EventFile {
 public:
  // A new file in the directory, which exists, whose name is after those of
  // files that were made before.
  static absl::StatusOr<EventFile> Create(const std::string& directory,
                                          absl::Time now);

  // Forgets what earlier files say from `step` on.
  absl::Status AppendStart(uint64_t step, absl::Time now);
  // The value of each tag at a step. Not empty.
  absl::Status AppendScalars(uint64_t step, absl::Time now,
                             const Scalars& scalars);

  const std::string& path() const { return path_; }

 private:
  explicit EventFile(std::string path) : path_(std::move(path)) {}

  // Opens, appends, closes: a scheduler may have a thousand jobs.
  absl::Status Append(const std::string& event, int flags) const;

  std::string path_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TENSORBOARD_EVENT_FILE_H_
