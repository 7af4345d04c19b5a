#include "common/security/access_rules.h"

#include <algorithm>

namespace hawser {
namespace {

using Role = Identity::Role;

constexpr AccessRule kRules[] = {
    {"/hawser.Scheduler/SubmitJob", Access::kSubmit, true},
    {"/hawser.Scheduler/CancelJob", Access::kSubmit, true},
    {"/hawser.Scheduler/ChangeJob", Access::kSubmit, true},
    {"/hawser.Scheduler/StartTrace", Access::kSubmit, true},
    {"/hawser.Scheduler/DrainNode", Access::kAdmin, true},
    {"/hawser.Scheduler/GetJob", Access::kView},
    {"/hawser.Scheduler/ListJobs", Access::kView},
    {"/hawser.Scheduler/GetJobLog", Access::kView},
    {"/hawser.Scheduler/ListNodes", Access::kView},
    {"/hawser.Scheduler/GetTrace", Access::kView},
    // Members measure their clocks by it.
    {"/hawser.Scheduler/GetVersion", Access::kAll},

    {"/hawser.Scheduler/Register", Access::kMembers, true},
    {"/hawser.Scheduler/Deregister", Access::kMembers, true},
    // Several a second of each member, and nothing that a person asks for.
    {"/hawser.Scheduler/Heartbeat", Access::kMembers},
    {"/hawser.Scheduler/Report", Access::kMembers},
    {"/hawser.Scheduler/AddSpans", Access::kMembers},
    {"/hawser.MemberLog/AddLines", Access::kMembers},
    {"/hawser.MemberLog/GetLines", Access::kView},

    {"/hawser.ParameterServer/Exchange", Access::kMembers},
    {"/hawser.ParameterServer/GetProgress", Access::kMembers},
    {"/hawser.ParameterServer/ShareNorms", Access::kServers},

    // A probe has no token, and learns that the daemon serves.
    {"/grpc.health.v1.Health/Check", Access::kOpen},
    {"/grpc.health.v1.Health/Watch", Access::kOpen},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
     Access::kView},
    {"/grpc.channelz.v1.Channelz/GetTopChannels", Access::kAdmin},
    {"/grpc.channelz.v1.Channelz/GetServers", Access::kAdmin},
    {"/grpc.channelz.v1.Channelz/GetServer", Access::kAdmin},
    {"/grpc.channelz.v1.Channelz/GetServerSockets", Access::kAdmin},
    {"/grpc.channelz.v1.Channelz/GetChannel", Access::kAdmin},
    {"/grpc.channelz.v1.Channelz/GetSubchannel", Access::kAdmin},
    {"/grpc.channelz.v1.Channelz/GetSocket", Access::kAdmin},
};

}  // namespace

absl::Span<const AccessRule> AccessRules() { return kRules; }

const AccessRule* FindAccessRule(absl::string_view method) {
  const auto* const rule = std::find_if(
      std::begin(kRules), std::end(kRules),
      [&](const AccessRule& candidate) { return candidate.method == method; });
  return rule == std::end(kRules) ? nullptr : rule;
}

bool MayCall(Role role, Access access) {
  switch (access) {
    case Access::kOpen:
    case Access::kAll:
      return true;
    case Access::kView:
      return Includes(role, Role::kView);
    case Access::kSubmit:
      return Includes(role, Role::kSubmit);
    case Access::kAdmin:
      return Includes(role, Role::kAdmin);
    case Access::kMembers:
      return role == Role::kWorker || role == Role::kServer;
    case Access::kServers:
      return role == Role::kServer;
  }
  return false;
}

std::string DescribeAccess(Access access) {
  switch (access) {
    case Access::kOpen:
      return "nobody in particular";
    case Access::kView:
      return "view, submit or admin";
    case Access::kSubmit:
      return "submit or admin";
    case Access::kAdmin:
      return "admin";
    case Access::kMembers:
      return "worker or server";
    case Access::kServers:
      return "server";
    case Access::kAll:
      return "any role";
  }
  return "";
}

}  // namespace hawser
