#include "common/wire/local_stream.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/wire/socket_io.h"

namespace hawser {
namespace {

constexpr uint32_t kMagic = 0x524c5748;  // "HWLR"
constexpr uint16_t kVersion = 1;
constexpr int kBacklog = 128;
// Descriptors taken at a time; more of them end the stream.
constexpr size_t kMaxDescriptors = 8;

struct WireRecord {
  uint32_t magic;
  uint16_t version;
  uint16_t kind;
  uint32_t segment;
  uint32_t reserved;
  uint64_t offset;
  uint64_t released;
  FrameHeaderBytes header;
};
static_assert(sizeof(WireRecord) == kLocalRecordBytes);

absl::StatusOr<FileDescriptor> Socket() {
  FileDescriptor socket(
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return SystemError("create", "a unix socket");
  return socket;
}

absl::StatusOr<socklen_t> AddressOf(const std::string& name,
                                    sockaddr_un* address) {
  *address = {};
  address->sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof(address->sun_path)) {
    return absl::InvalidArgumentError("the name of a socket of 1 to 107 bytes");
  }
  std::memcpy(address->sun_path + 1, name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                name.size());
}

}  // namespace

LocalRecordBytes EncodeLocalRecord(const LocalRecord& record) {
  WireRecord wire = {};
  wire.magic = kMagic;
  wire.version = kVersion;
  wire.kind = static_cast<uint16_t>(record.kind);
  wire.segment = record.segment;
  wire.offset = record.offset;
  wire.released = record.released;
  wire.header = record.header;
  return std::bit_cast<LocalRecordBytes>(wire);
}

absl::StatusOr<LocalRecord> DecodeLocalRecord(const LocalRecordBytes& bytes) {
  const auto wire = std::bit_cast<WireRecord>(bytes);
  if (wire.magic != kMagic || wire.version != kVersion || wire.kind < 1 ||
      wire.kind > 5) {
    return absl::DataLossError(
        "damaged or foreign record; run one version everywhere");
  }
  return LocalRecord{static_cast<LocalKind>(wire.kind), wire.segment,
                     wire.offset, wire.released, wire.header};
}

absl::StatusOr<FileDescriptor> ConnectLocal(const std::string& name) {
  sockaddr_un address;
  ASSIGN_OR_RETURN(const socklen_t length, AddressOf(name, &address));
  ASSIGN_OR_RETURN(FileDescriptor socket, Socket());
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
              length) != 0) {
    return absl::UnavailableError(
        absl::StrCat("nobody takes connections at the local socket ", name));
  }
  if (!CheckLocalPeer(socket).ok()) {
    return absl::UnavailableError(
        absl::StrCat("the local socket ", name, " is another user's"));
  }
  return socket;
}

absl::StatusOr<FileDescriptor> ListenLocal(const std::string& name) {
  sockaddr_un address;
  ASSIGN_OR_RETURN(const socklen_t length, AddressOf(name, &address));
  ASSIGN_OR_RETURN(FileDescriptor socket, Socket());
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) !=
          0 ||
      listen(socket.get(), kBacklog) != 0) {
    if (errno != EADDRINUSE) return SystemError("listen at", name);
    return absl::AlreadyExistsError(absl::StrCat("socket ", name, " is taken"));
  }
  return socket;
}

absl::Status CheckLocalPeer(const FileDescriptor& socket) {
  ucred peer = {};
  socklen_t length = sizeof(peer);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return SystemError("identify", "the peer of a unix socket");
  }
  if (peer.uid != geteuid()) {
    return absl::PermissionDeniedError(absl::StrCat(
        "process ", peer.pid, " of user ", peer.uid,
        " shares no memory with user ", geteuid(), "; run both as one"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> OutgoingRecord::SendSome(const FileDescriptor& socket) {
  return SendRest(socket, record_, payload_, descriptor_, &sent_);
}

FileDescriptor LocalReader::TakeDescriptor() {
  FileDescriptor descriptor = std::move(descriptors_.front());
  descriptors_.pop_front();
  return descriptor;
}

absl::StatusOr<bool> LocalReader::Next() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool complete, TakeBuffered());
    if (complete) return true;
    ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) return false;
  }
}

absl::StatusOr<bool> LocalReader::TakeBuffered() {
  if (!in_payload_) {
    if (end_ - begin_ < kLocalRecordBytes) return false;
    LocalRecordBytes bytes;
    std::memcpy(bytes.data(), buffer_.data() + begin_, bytes.size());
    begin_ += bytes.size();
    ASSIGN_OR_RETURN(record_, DecodeLocalRecord(bytes));
    payload_.clear();
    if (record_.kind == LocalKind::kRelease) return true;
    if (record_.kind == LocalKind::kSegment) {
      if (!descriptors_.empty()) return true;
      return absl::DataLossError("a segment without its descriptor");
    }
    ASSIGN_OR_RETURN(header_, DecodeFrameHeader(record_.header));
    if (record_.kind == LocalKind::kReference) return true;
    payload_.resize(header_.payload_bytes);
    payload_filled_ = 0;
    in_payload_ = true;
  }
  const size_t taken =
      std::min(end_ - begin_, payload_.size() - payload_filled_);
  if (taken != 0) {
    std::memcpy(payload_.data() + payload_filled_, buffer_.data() + begin_,
                taken);
  }
  begin_ += taken;
  payload_filled_ += taken;
  in_payload_ = payload_filled_ < payload_.size();
  return !in_payload_;
}

// A payload is read to where it is to lie once the buffer is empty.
absl::StatusOr<bool> LocalReader::Fill() {
  if (!in_payload_ && begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  iovec part = {buffer_.data() + end_, buffer_.size() - end_};
  if (in_payload_) {
    part = {payload_.data() + payload_filled_,
            payload_.size() - payload_filled_};
  }
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ASSIGN_OR_RETURN(const size_t got, ReceiveSome(*socket_, &message));
  if (got == 0) return false;
  RETURN_IF_ERROR(KeepDescriptors(&message));
  if (in_payload_) {
    payload_filled_ += got;
  } else {
    end_ += got;
  }
  return true;
}

absl::Status LocalReader::KeepDescriptors(void* message) {
  auto* const received = static_cast<msghdr*>(message);
  for (cmsghdr* item = CMSG_FIRSTHDR(received); item != nullptr;
       item = CMSG_NXTHDR(received, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
      descriptors_.emplace_back(descriptor);
    }
  }
  if (descriptors_.size() > kMaxDescriptors ||
      (received->msg_flags & MSG_CTRUNC) != 0) {
    return absl::DataLossError("more descriptors than segments");
  }
  return absl::OkStatus();
}

}  // namespace hawser
