#include "scheduler/etcd/grpc_etcd_client.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/files.h"
#include "common/grpc/moving_peer.h"
#include "common/security/tls_files.h"
#include "common/status_macros.h"
#include "grpcpp/grpcpp.h"
#include "proto/etcd.grpc.pb.h"

namespace hawser {
namespace {

// For an answer with many keys.
constexpr absl::Duration kLongDeadline = absl::Seconds(30);
constexpr int kFirstBackoffMs = 20;
constexpr int kLongestBackoffMs = 500;
constexpr size_t kMaxPemBytes = 1 << 20;
// Where etcd expects the token of a user.
constexpr char kTokenKey[] = "token";

struct Endpoint {
  std::string address;
  std::unique_ptr<etcdserverpb::KV::Stub> keys;
  std::unique_ptr<etcdserverpb::Lease::Stub> leases;
  std::unique_ptr<etcdserverpb::Auth::Stub> users;
};

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(
    const std::string& tls_directory) {
  if (tls_directory.empty()) return grpc::InsecureChannelCredentials();
  ASSIGN_OR_RETURN(const TlsFiles files, TlsFilesIn(tls_directory));
  grpc::SslCredentialsOptions options;
  if (!files.authority.empty()) {
    ASSIGN_OR_RETURN(options.pem_root_certs,
                     ReadWholeFile(files.authority, kMaxPemBytes));
  }
  if (!files.certificate.empty()) {
    ASSIGN_OR_RETURN(options.pem_cert_chain,
                     ReadWholeFile(files.certificate, kMaxPemBytes));
    ASSIGN_OR_RETURN(options.pem_private_key,
                     ReadWholeFile(files.key, kMaxPemBytes));
  }
  return grpc::SslCredentials(options);
}

Endpoint Connect(const std::string& address,
                 const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  LookUpAgainSoon(&arguments);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestBackoffMs);
  const auto channel =
      grpc::CreateCustomChannel(address, credentials, arguments);
  return {address, etcdserverpb::KV::NewStub(channel),
          etcdserverpb::Lease::NewStub(channel),
          etcdserverpb::Auth::NewStub(channel)};
}

// What says that nobody can tell whether the request was carried out.
bool IsUnanswered(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNKNOWN:
      return true;
    default:
      return false;
  }
}

class GrpcEtcdClient : public EtcdClient {
 public:
  GrpcEtcdClient(EtcdOptions options, std::vector<Endpoint> endpoints)
      : options_(std::move(options)), endpoints_(std::move(endpoints)) {}

  absl::StatusOr<etcdserverpb::RangeResponse> Range(
      const etcdserverpb::RangeRequest& request) override {
    etcdserverpb::RangeResponse response;
    RETURN_IF_ERROR(
        Call(request.range_end().empty() ? options_.deadline : kLongDeadline,
             [&](const Endpoint& endpoint, grpc::ClientContext* context) {
               return endpoint.keys->Range(context, request, &response);
             }));
    return response;
  }

  absl::StatusOr<etcdserverpb::TxnResponse> Txn(
      const etcdserverpb::TxnRequest& request) override {
    etcdserverpb::TxnResponse response;
    RETURN_IF_ERROR(Call(options_.deadline, [&](const Endpoint& endpoint,
                                                grpc::ClientContext* context) {
      return endpoint.keys->Txn(context, request, &response);
    }));
    return response;
  }

  absl::StatusOr<Lease> Grant(absl::Duration time_to_live) override {
    etcdserverpb::LeaseGrantRequest request;
    request.set_ttl(
        absl::ToInt64Seconds(absl::Ceil(time_to_live, absl::Seconds(1))));
    etcdserverpb::LeaseGrantResponse response;
    RETURN_IF_ERROR(Call(options_.deadline, [&](const Endpoint& endpoint,
                                                grpc::ClientContext* context) {
      return endpoint.leases->LeaseGrant(context, request, &response);
    }));
    if (!response.error().empty()) {
      return absl::InternalError(
          absl::StrCat("etcd grants no lease: ", response.error()));
    }
    return Lease{response.id(), absl::Seconds(response.ttl())};
  }

  absl::StatusOr<Lease> KeepAlive(int64_t lease) override {
    etcdserverpb::LeaseKeepAliveRequest request;
    request.set_id(lease);
    etcdserverpb::LeaseKeepAliveResponse response;
    RETURN_IF_ERROR(Call(options_.deadline, [&](const Endpoint& endpoint,
                                                grpc::ClientContext* context) {
      // A stream of one: etcd has no other way.
      const auto stream = endpoint.leases->LeaseKeepAlive(context);
      const bool answered = stream->Write(request) && stream->Read(&response);
      if (!answered) return stream->Finish();
      context->TryCancel();
      return grpc::Status::OK;
    }));
    return Lease{lease, absl::Seconds(response.ttl())};
  }

  absl::Status Revoke(int64_t lease) override {
    etcdserverpb::LeaseRevokeRequest request;
    request.set_id(lease);
    etcdserverpb::LeaseRevokeResponse response;
    return Call(options_.deadline, [&](const Endpoint& endpoint,
                                       grpc::ClientContext* context) {
      return endpoint.leases->LeaseRevoke(context, request, &response);
    });
  }

 private:
  using Method =
      std::function<grpc::Status(const Endpoint&, grpc::ClientContext*)>;

  static void SetDeadline(absl::Duration deadline,
                          grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() +
                          absl::ToChronoNanoseconds(deadline));
  }

  // A request that is not answered is the caller's to repeat; it then goes to
  // the next endpoint.
  absl::Status Call(absl::Duration deadline, const Method& method) {
    const size_t used = next_;
    const Endpoint& endpoint = endpoints_[used % endpoints_.size()];
    grpc::Status status = CallOnce(endpoint, deadline, method);
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED &&
        !options_.user.empty()) {
      {
        absl::MutexLock lock(&mutex_);
        token_.clear();  // it has run out
      }
      status = CallOnce(endpoint, deadline, method);
    }
    if (status.ok()) return absl::OkStatus();
    const std::string message =
        absl::StrCat(endpoint.address, ": ", status.error_message());
    if (!IsUnanswered(status)) {
      return {static_cast<absl::StatusCode>(status.error_code()), message};
    }
    size_t expected = used;
    next_.compare_exchange_strong(expected, used + 1);
    return absl::UnavailableError(message);
  }

  grpc::Status CallOnce(const Endpoint& endpoint, absl::Duration deadline,
                        const Method& method) {
    grpc::ClientContext context;
    SetDeadline(deadline, &context);
    if (!options_.user.empty()) {
      std::string token;
      const grpc::Status status = Token(endpoint, &token);
      if (!status.ok()) return status;
      context.AddMetadata(kTokenKey, token);
    }
    return method(endpoint, &context);
  }

  grpc::Status Token(const Endpoint& endpoint, std::string* token) {
    absl::MutexLock lock(&mutex_);
    if (token_.empty()) {
      grpc::ClientContext context;
      SetDeadline(options_.deadline, &context);
      etcdserverpb::AuthenticateRequest request;
      request.set_name(options_.user);
      request.set_password(options_.password);
      etcdserverpb::AuthenticateResponse response;
      const grpc::Status status =
          endpoint.users->Authenticate(&context, request, &response);
      if (!status.ok()) return status;
      token_ = response.token();
    }
    *token = token_;
    return grpc::Status::OK;
  }

  const EtcdOptions options_;
  const std::vector<Endpoint> endpoints_;
  std::atomic<size_t> next_ = 0;  // the endpoint to ask
  absl::Mutex mutex_;
  std::string token_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<EtcdClient>> MakeGrpcEtcdClient(
    const EtcdOptions& options) {
  if (options.endpoints.empty()) {
    return absl::InvalidArgumentError("--etcd names no endpoint");
  }
  ASSIGN_OR_RETURN(const auto credentials, Credentials(options.tls_directory));
  std::vector<Endpoint> endpoints;
  for (const std::string& address : options.endpoints) {
    if (address.empty() || absl::StrContains(address, "://")) {
      return absl::InvalidArgumentError(
          absl::StrCat("--etcd: '", address,
                       "' is not HOST:PORT; with TLS give "
                       "--etcd-tls-dir instead of https://"));
    }
    endpoints.push_back(Connect(address, credentials));
  }
  return std::make_unique<GrpcEtcdClient>(options, std::move(endpoints));
}

}  // namespace hawser
