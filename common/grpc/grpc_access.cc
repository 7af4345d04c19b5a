#include "common/grpc/grpc_access.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/grpc/call_subject.h"
#include "common/security/access_rules.h"

namespace hawser {
namespace {

constexpr char kAuthorization[] = "authorization";

absl::string_view ToView(const grpc::string_ref& text) {
  return {text.data(), text.size()};
}

class AccessCheck : public grpc::AuthMetadataProcessor {
 public:
  AccessCheck(const AccessGuard* guard,
              std::function<std::string()> recent_peers)
      : guard_(guard), recent_peers_(std::move(recent_peers)) {}

  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext*,
                       OutputMetadata*, OutputMetadata*) override {
    const absl::Status status =
        guard_->Check(Value(metadata, ":path"), Value(metadata, kAuthorization),
                      recent_peers_);
    return {static_cast<grpc::StatusCode>(status.code()),
            std::string(status.message())};
  }

 private:
  // Empty unless it is there once.
  static absl::string_view Value(const InputMetadata& metadata,
                                 const char* key) {
    const auto [begin, end] = metadata.equal_range(key);
    if (begin == end || std::next(begin) != end) return {};
    return ToView(begin->second);
  }

  const AccessGuard* const guard_;
  const std::function<std::string()> recent_peers_;
};

class AccessRecorder : public grpc::experimental::Interceptor {
 public:
  AccessRecorder(const AccessGuard* guard, AccessLog* log,
                 grpc::experimental::ServerRpcInfo* call)
      : guard_(guard), log_(log), call_(call) {}

  void Intercept(
      grpc::experimental::InterceptorBatchMethods* methods) override {
    using Point = grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(Point::POST_RECV_MESSAGE)) {
      const auto* const message = static_cast<const google::protobuf::Message*>(
          methods->GetRecvMessage());
      // Null: it could not be parsed.
      if (message != nullptr) SetSubject(*message, &entry_);
    }
    // The number of a node that registers is in the answer.
    if (methods->QueryInterceptionHookPoint(Point::PRE_SEND_MESSAGE)) {
      const auto* const message = static_cast<const google::protobuf::Message*>(
          methods->GetSendMessage());
      if (message != nullptr) SetSubject(*message, &entry_);
    }
    if (methods->QueryInterceptionHookPoint(Point::PRE_SEND_STATUS)) {
      Record(methods->GetSendStatus());
    }
    methods->Proceed();
  }

 private:
  void Record(const grpc::Status& status) {
    entry_.method = call_->method();
    entry_.peer = call_->server_context()->peer();
    entry_.result =
        absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                     status.error_message());
    const auto caller = CallerOf(*call_->server_context(), guard_);
    if (caller != nullptr) {
      entry_.who = caller->name;
      entry_.role = std::string(RoleName(caller->role));
    }
    log_->Record(entry_);
  }

  const AccessGuard* const guard_;
  AccessLog* const log_;
  grpc::experimental::ServerRpcInfo* const call_;
  AccessEntry entry_;
};

class AccessRecorders
    : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  AccessRecorders(const AccessGuard* guard, AccessLog* log)
      : guard_(guard), log_(log) {}

  // Frames of a stream never pass through a recorder.
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* call) override {
    const AccessRule* const rule = FindAccessRule(call->method());
    if (rule == nullptr || !rule->changes ||
        call->type() != grpc::experimental::ServerRpcInfo::Type::UNARY) {
      return nullptr;
    }
    return new AccessRecorder(guard_, log_, call);
  }

 private:
  const AccessGuard* const guard_;
  AccessLog* const log_;
};

}  // namespace

std::shared_ptr<grpc::AuthMetadataProcessor> MakeAccessCheck(
    const AccessGuard* guard, std::function<std::string()> recent_peers) {
  return std::make_shared<AccessCheck>(guard, std::move(recent_peers));
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
MakeAccessRecorder(const AccessGuard* guard, AccessLog* log) {
  return std::make_unique<AccessRecorders>(guard, log);
}

std::unique_ptr<Identity> CallerOf(const grpc::ServerContextBase& context,
                                   const AccessGuard* guard) {
  if (guard == nullptr) return nullptr;
  const auto found = context.client_metadata().find(kAuthorization);
  return std::make_unique<Identity>(guard->CallerOf(
      found == context.client_metadata().end() ? absl::string_view()
                                               : ToView(found->second)));
}

}  // namespace hawser
