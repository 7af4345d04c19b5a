#include "common/wire/direct_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "common/crc32c.h"
#include "common/status_macros.h"
#include "common/wire/socket_io.h"

namespace hawser {
namespace {

// Of a payload, looked at while it is in the caches.
constexpr size_t kMostAtOnce = 256 << 10;
// Of a payload whoever waits for it is not woken for less, unless that is all
// that is missing: each wake costs as much as receiving many KiB.
constexpr size_t kLeastAtOnce = 192 << 10;
constexpr size_t kAlignment = 64;

FrameHeader HeaderOf(FrameKind kind, absl::string_view payload) {
  FrameHeader header;
  header.kind = kind;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  return header;
}

}  // namespace

FrameHeader OpenFrame(absl::string_view authorization) {
  return HeaderOf(FrameKind::kOpen, authorization);
}

FrameHeader EndFrame(const absl::Status& why) {
  FrameHeader header = HeaderOf(FrameKind::kEnd, why.message());
  header.flags = static_cast<uint16_t>(why.code());
  return header;
}

absl::Status StatusOfEnd(const FrameHeader& header,
                         absl::Span<const char> payload) {
  return absl::Status(static_cast<absl::StatusCode>(header.flags),
                      absl::string_view(payload.data(), payload.size()));
}

void ProbeWhenSilent(const FileDescriptor& socket, absl::Duration silence) {
  // A system that refuses notices later.
  const auto set = [&](int level, int name, int64_t value) {
    const int number = static_cast<int>(value);
    setsockopt(socket.get(), level, name, &number, sizeof(number));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, absl::ToInt64Seconds(silence));
  set(IPPROTO_TCP, TCP_KEEPINTVL, absl::ToInt64Seconds(silence / 2));
  set(IPPROTO_TCP, TCP_KEEPCNT, 1);
  // Of what was sent, too.
  set(IPPROTO_TCP, TCP_USER_TIMEOUT,
      absl::ToInt64Milliseconds(silence + silence / 2));
}

absl::StatusOr<bool> OutgoingDirectFrame::SendSome(
    const FileDescriptor& socket) {
  return SendRest(socket, header_, payload_, /*descriptor=*/-1, &sent_);
}

void DirectReader::Free::operator()(char* memory) const { std::free(memory); }

absl::StatusOr<bool> DirectReader::Next() {
  for (;;) {
    if (!has_header_ && end_ - begin_ >= kFrameHeaderBytes) {
      RETURN_IF_ERROR(TakeHeader());
    }
    if (has_header_ && filled_ == header_.payload_bytes) {
      has_header_ = false;
      if (crc_ == header_.payload_crc32c) return true;
      return absl::DataLossError("damaged or foreign frame: payload checksum");
    }
    ASSIGN_OR_RETURN(const bool more, Receive());
    if (!more) return false;
  }
}

absl::Status DirectReader::TakeHeader() {
  FrameHeaderBytes bytes;
  std::memcpy(bytes.data(), buffer_.data() + begin_, bytes.size());
  begin_ += bytes.size();
  ASSIGN_OR_RETURN(header_, DecodeFrameHeader(bytes));
  payload_ = place_ == nullptr ? nullptr : place_(header_);
  if (payload_ == nullptr) {
    if (header_.payload_bytes > capacity_) RETURN_IF_ERROR(MakeRoom());
    payload_ = memory_.get();
  }
  has_header_ = true;
  filled_ = 0;
  crc_ = 0;
  const size_t here = std::min<size_t>(end_ - begin_, header_.payload_bytes);
  if (here == 0) return absl::OkStatus();
  std::memcpy(payload_, buffer_.data() + begin_, here);
  begin_ += here;
  CountPayload(here);
  return absl::OkStatus();
}

absl::Status DirectReader::MakeRoom() {
  const size_t capacity =
      std::bit_ceil(std::max<size_t>(header_.payload_bytes, kAlignment));
  if (reserve_ != nullptr) RETURN_IF_ERROR(reserve_(capacity - capacity_));
  capacity_ = capacity;
  memory_.reset(static_cast<char*>(std::aligned_alloc(kAlignment, capacity)));
  return absl::OkStatus();
}

void DirectReader::CountPayload(size_t bytes) {
  crc_ = Crc32cExtend(crc_, payload_ + filled_, bytes);
  filled_ += bytes;
}

void DirectReader::WakeAt(size_t bytes) {
  const int mark = static_cast<int>(bytes);
  if (mark == wakes_at_) return;
  wakes_at_ = mark;
  // A system that refuses wakes sooner, and more often.
  setsockopt(socket_->get(), SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark));
}

// A payload to where it is to lie, and what comes after it to the buffer, which
// is empty then.
absl::StatusOr<bool> DirectReader::Receive() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const size_t rest = has_header_ ? header_.payload_bytes - filled_ : 0;
  iovec parts[2];
  size_t count = 0;
  if (rest != 0) {
    parts[count++] = {payload_ + filled_, std::min(rest, kMostAtOnce)};
  }
  if (rest <= kMostAtOnce) {
    parts[count++] = {buffer_.data() + end_, buffer_.size() - end_};
  }
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  ASSIGN_OR_RETURN(const size_t got, ReceiveSome(*socket_, &message));
  if (got == 0) {
    WakeAt(std::clamp<size_t>(rest, 1, kLeastAtOnce));
    return false;
  }
  const size_t of_payload = rest == 0 ? 0 : std::min(got, parts[0].iov_len);
  if (of_payload != 0) CountPayload(of_payload);
  end_ += got - of_payload;
  return true;
}

}  // namespace hawser
