#include "client/data_plane/direct_parameter_channel.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/file_descriptor.h"
#include "common/files.h"
#include "common/grpc/connect.h"
#include "common/status_macros.h"
#include "common/wire/direct_stream.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Until the server has answered that the stream is open.
constexpr absl::Duration kLongestOpening = absl::Seconds(5);
// A server that has been silent for so long is probed.
constexpr absl::Duration kSilence = absl::Seconds(10);

class DirectParameterChannel : public ParameterChannel {
 public:
  DirectParameterChannel(const std::string& address,
                         std::shared_ptr<const GrpcCaller> caller,
                         std::unique_ptr<ParameterChannel> grpc,
                         FileDescriptor wake)
      : address_(address),
        caller_(std::move(caller)),
        grpc_(std::move(grpc)),
        wake_(std::move(wake)),
        reader_(&socket_) {}

  absl::StatusOr<uint64_t> GetProgress(uint64_t job,
                                       uint64_t incarnation) override {
    return grpc_->GetProgress(job, incarnation);
  }

  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    ASSIGN_OR_RETURN(const bool direct, Open());
    if (!direct) return grpc_->Send(header, payload);
    if (ended_.load() && !cancelled_.load()) {
      return absl::UnavailableError("the stream has ended");
    }
    return Write(header, payload, absl::InfiniteFuture());
  }

  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use)
      override {
    ASSIGN_OR_RETURN(const bool direct, Open());
    if (!direct) return grpc_->Receive(use);
    const absl::Status status = Read(absl::InfiniteFuture());
    if (!status.ok()) {
      ended_.store(true);
      return status;
    }
    const absl::Span<const char> payload = reader_.payload();
    return use(reader_.header(), {&payload, payload.empty() ? 0U : 1U});
  }

  void PlacePayloads(Place place) override {
    reader_.PlacePayloads(std::move(place));
  }

  uint64_t BytesForTwo() const override { return grpc_->BytesForTwo(); }

  void Cancel() override {
    cancelled_.store(true);
    grpc_->Cancel();
    eventfd_write(wake_.get(), 1);  // and stays readable
  }

 private:
  enum class State { kNew, kDirect, kGrpc, kRefused };

  // False: by gRPC. CANCELLED. Others: the server has refused this client.
  absl::StatusOr<bool> Open() {
    if (state_.load() == State::kNew) {
      // Sender and receiver may both be the first.
      absl::MutexLock lock(&open_mutex_);
      if (state_.load() == State::kNew) {
        refusal_ = OpenUntil(absl::Now() + kLongestOpening);
        if (cancelled_.load()) return absl::CancelledError("cancelled");
        if (refusal_.ok()) {
          LOG(INFO) << "server " << address_
                    << " by TCP, on a connection of its own";
          state_.store(State::kDirect);
        } else if (has_answered_) {
          state_.store(State::kRefused);
        } else {
          LOG(INFO) << "server " << address_
                    << " by TCP, in gRPC's connection: " << refusal_.message();
          socket_ = FileDescriptor();
          state_.store(State::kGrpc);
        }
      }
    }
    if (state_.load() == State::kRefused) return refusal_;
    return state_.load() == State::kDirect;
  }

  absl::Status OpenUntil(absl::Time limit) {
    ASSIGN_OR_RETURN(socket_, Connect(address_, wake_, limit));
    ProbeWhenSilent(socket_, kSilence);
    const std::string authorization =
        caller_ == nullptr ? "" : caller_->AuthorizationFor(address_);
    RETURN_IF_ERROR(Write(OpenFrame(authorization), authorization, limit));
    RETURN_IF_ERROR(Read(limit));
    if (reader_.header().kind == FrameKind::kOpen) return absl::OkStatus();
    return absl::DataLossError("it answers by something else");
  }

  absl::Status Write(const FrameHeader& header, absl::Span<const char> payload,
                     absl::Time limit) {
    OutgoingDirectFrame frame(EncodeFrameHeader(header), payload);
    for (;;) {
      if (cancelled_.load()) return absl::CancelledError("cancelled");
      ASSIGN_OR_RETURN(const bool sent, frame.SendSome(socket_));
      if (sent) return absl::OkStatus();
      RETURN_IF_ERROR(Await(POLLOUT, limit));
    }
  }

  // One frame. Others: why the server has ended the stream.
  absl::Status Read(absl::Time limit) {
    for (;;) {
      if (cancelled_.load()) return absl::CancelledError("cancelled");
      ASSIGN_OR_RETURN(const bool there, reader_.Next());
      if (there) break;
      RETURN_IF_ERROR(Await(POLLIN, limit));
    }
    if (reader_.header().kind != FrameKind::kEnd) return absl::OkStatus();
    has_answered_ = true;
    return StatusOfEnd(reader_.header(), reader_.payload());
  }

  absl::Status Await(int16_t event, absl::Time limit) const {
    return AwaitSocket(socket_, event, wake_, limit);
  }

  const std::string address_;
  const std::shared_ptr<const GrpcCaller> caller_;
  const std::unique_ptr<ParameterChannel> grpc_;
  const FileDescriptor wake_;
  std::atomic<bool> cancelled_{false};

  absl::Mutex open_mutex_;
  std::atomic<State> state_{State::kNew};
  absl::Status refusal_;
  FileDescriptor socket_;
  std::atomic<bool> ended_{false};
  // Of whoever opens, then the receiver's.
  DirectReader reader_;
  bool has_answered_ = false;  // why the stream ends
};

}  // namespace

std::unique_ptr<ParameterChannel> MakeDirectParameterChannel(
    const std::string& address, std::shared_ptr<const GrpcCaller> caller,
    std::unique_ptr<ParameterChannel> grpc) {
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return grpc;
  return std::make_unique<DirectParameterChannel>(
      address, std::move(caller), std::move(grpc), std::move(wake));
}

}  // namespace hawser
