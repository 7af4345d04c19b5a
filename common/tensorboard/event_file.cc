#include "common/tensorboard/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/crc32c.h"
#include "common/file_descriptor.h"
#include "common/files.h"
#include "proto/tensorboard_event.pb.h"

namespace hawser {
namespace {

using tensorboard::Event;
using tensorboard::SessionLog;

constexpr char kFileVersion[] = "brain.Event:2";

template <typename Integer>
std::string LittleEndian(Integer value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(value); ++i) {
    bytes.push_back(static_cast<char>(value >> (8 * i)));
  }
  return bytes;
}

// So that the checksum of data that holds checksums is none of these.
uint32_t Masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

std::string MaskedCrc(absl::string_view bytes) {
  return LittleEndian(Masked(Crc32c(bytes.data(), bytes.size())));
}

Event EventAt(uint64_t step, absl::Time now) {
  Event event;
  event.set_wall_time(absl::ToDoubleSeconds(now - absl::UnixEpoch()));
  event.set_step(static_cast<int64_t>(step));
  return event;
}

// TensorBoard reads the files of a directory in the order of their names.
std::string NewName(absl::Time now) {
  static std::atomic<uint32_t> files{0};
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
  return absl::StrFormat("events.out.tfevents.%010d.%s.%d.%06d",
                         absl::ToUnixSeconds(now), host, getpid(),
                         files.fetch_add(1));
}

}  // namespace

std::string TfRecord(absl::string_view content) {
  const std::string length = LittleEndian(uint64_t{content.size()});
  return absl::StrCat(length, MaskedCrc(length), content, MaskedCrc(content));
}

absl::StatusOr<EventFile> EventFile::Create(const std::string& directory,
                                            absl::Time now) {
  EventFile file(absl::StrCat(directory, "/", NewName(now)));
  Event event = EventAt(0, now);
  event.set_file_version(kFileVersion);
  const absl::Status status =
      file.Append(event.SerializeAsString(), O_CREAT | O_EXCL);
  if (!status.ok()) return status;
  return file;
}

absl::Status EventFile::AppendStart(uint64_t step, absl::Time now) {
  Event event = EventAt(step, now);
  event.mutable_session_log()->set_status(SessionLog::START);
  return Append(event.SerializeAsString(), 0);
}

absl::Status EventFile::AppendScalars(uint64_t step, absl::Time now,
                                      const Scalars& scalars) {
  Event event = EventAt(step, now);
  for (const auto& [tag, value] : scalars) {
    tensorboard::Summary::Value* scalar = event.mutable_summary()->add_value();
    scalar->set_tag(tag);
    scalar->set_simple_value(static_cast<float>(value));
  }
  return Append(event.SerializeAsString(), 0);
}

absl::Status EventFile::Append(const std::string& event, int flags) const {
  const FileDescriptor file(
      ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0644));
  if (!file.valid()) return SystemError("open", path_);
  const std::string record = TfRecord(event);
  // In one piece, or what is there ends with it: a reader stops there.
  const ssize_t written = ::write(file.get(), record.data(), record.size());
  if (written == static_cast<ssize_t>(record.size())) return absl::OkStatus();
  if (written < 0) return SystemError("write", path_);
  return absl::ResourceExhaustedError(
      absl::StrCat("cannot write all of an event to ", path_));
}

}  // namespace hawser
