#include "client/data_plane/grpc_parameter_channel.h"

#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/grpc/socket_buffers.h"
#include "common/status_macros.h"
#include "common/wire/grpc_frame.h"
#include "grpcpp/grpcpp.h"
#include "proto/parameter_server.grpc.pb.h"

namespace hawser {
namespace {

using grpc::ByteBuffer;

constexpr std::chrono::seconds kProgressDeadline(5);
// A stream keeps one and a half cores of both ends busy (docs/data_plane.md).
constexpr uint64_t kBytesForTwo = 8 << 20;

absl::Status FromGrpc(const std::string& address, const grpc::Status& status) {
  return absl::Status(
      static_cast<absl::StatusCode>(status.error_code()),
      absl::StrCat("server ", address, ": ", status.error_message()));
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address,
                                       const GrpcCaller& caller,
                                       const std::string& host) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  // A connection of its own, whatever else talks to this server.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A peer that has vanished without a word is noticed.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  LimitSocketBuffers(address, &arguments);
  return caller.Connect(address, arguments, host);
}

class GrpcParameterChannel : public ParameterChannel {
 public:
  GrpcParameterChannel(const std::string& address,
                       std::shared_ptr<const GrpcCaller> caller,
                       const std::string& host, int most_channels)
      : address_(address),
        most_channels_(most_channels),
        caller_(std::move(caller)),
        channel_(Connect(address, *caller_, host)),
        stub_(ParameterServer::NewStub(channel_)) {}

  ~GrpcParameterChannel() override {
    if (stream_ == nullptr) return;
    context_.TryCancel();
    absl::MutexLock finish(&finish_mutex_);
    if (!ended_.has_value()) stream_->Finish().IgnoreError();
  }

  absl::StatusOr<uint64_t> GetProgress(uint64_t job,
                                       uint64_t incarnation) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kProgressDeadline);
    caller_->Sign(address_, &context);
    GetProgressRequest request;
    request.set_job(job);
    request.set_incarnation(incarnation);
    GetProgressResponse response;
    const grpc::Status status =
        stub_->GetProgress(&context, request, &response);
    if (!status.ok()) return FromGrpc(address_, status);
    return response.step();
  }

  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    RETURN_IF_ERROR(Open());
    const ByteBuffer message =
        MakeMessageOfBorrowed(EncodeFrameHeader(header), payload);
    if (!stream_->Write(message)) return Ended();
    return absl::OkStatus();
  }

  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use)
      override {
    RETURN_IF_ERROR(Open());
    if (!stream_->Read(&received_)) return Ended();
    RETURN_IF_ERROR(frame_.Parse(received_));
    const absl::Status status = use(frame_.header(), frame_.pieces());
    received_.Clear();
    return status;
  }

  uint64_t BytesForTwo() const override {
    return most_channels_ == 2 ? kBytesForTwo : ParameterChannel::BytesForTwo();
  }

  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    context_.TryCancel();
  }

 private:
  // The generated stub parses messages; this is the same call with raw bytes.
  absl::Status Open() {
    absl::MutexLock lock(&mutex_);
    if (cancelled_) return absl::CancelledError("cancelled");
    if (stream_ != nullptr) return absl::OkStatus();
    caller_->Sign(address_, &context_);
    const grpc::internal::RpcMethod method(
        "/hawser.ParameterServer/Exchange",
        grpc::internal::RpcMethod::BIDI_STREAMING);
    stream_.reset(
        grpc::internal::ClientReaderWriterFactory<
            ByteBuffer, ByteBuffer>::Create(channel_.get(), method, &context_));
    return absl::OkStatus();
  }

  // Sender and receiver may both find that the stream has ended.
  absl::Status Ended() {
    absl::MutexLock finish(&finish_mutex_);
    if (!ended_.has_value()) ended_ = stream_->Finish();
    absl::MutexLock lock(&mutex_);
    if (std::exchange(cancelled_, true)) {  // a stream is not opened twice
      return absl::CancelledError("cancelled");
    }
    if (ended_->ok()) {
      return absl::UnavailableError(
          absl::StrCat("server ", address_, " closed the stream"));
    }
    return FromGrpc(address_, *ended_);
  }

  const std::string address_;
  const int most_channels_;
  const std::shared_ptr<const GrpcCaller> caller_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<ParameterServer::Stub> stub_;
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Mutex finish_mutex_;
  std::optional<grpc::Status> ended_ ABSL_GUARDED_BY(finish_mutex_);
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<ByteBuffer, ByteBuffer>> stream_;
  ByteBuffer received_;
  ReceivedFrame frame_;
};

}  // namespace

std::unique_ptr<ParameterChannel> MakeGrpcParameterChannel(
    const std::string& address, std::shared_ptr<const GrpcCaller> caller,
    const std::string& host, int most_channels) {
  if (caller == nullptr) caller = std::make_shared<GrpcCaller>();
  return std::make_unique<GrpcParameterChannel>(address, std::move(caller),
                                                host, most_channels);
}

}  // namespace hawser
