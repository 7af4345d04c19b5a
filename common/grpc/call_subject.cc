#include "common/grpc/call_subject.h"

namespace hawser {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* FieldOf(const Message& message, const char* name,
                               FieldDescriptor::CppType type) {
  const FieldDescriptor* const field =
      message.GetDescriptor()->FindFieldByName(name);
  return field == nullptr || field->is_repeated() || field->cpp_type() != type
             ? nullptr
             : field;
}

}  // namespace

void SetSubject(const Message& message, AccessEntry* entry) {
  const Message* named = &message;
  if (const auto* const spec =
          FieldOf(message, "spec", FieldDescriptor::CPPTYPE_MESSAGE)) {
    named = &message.GetReflection()->GetMessage(message, spec);
  }
  if (const auto* const name =
          FieldOf(*named, "name", FieldDescriptor::CPPTYPE_STRING)) {
    entry->job = named->GetReflection()->GetString(*named, name);
  }
  if (const auto* const node =
          FieldOf(message, "node", FieldDescriptor::CPPTYPE_UINT64)) {
    entry->node = message.GetReflection()->GetUInt64(message, node);
  }
}

}  // namespace hawser
