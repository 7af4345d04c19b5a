#include "common/job/document.h"

#include <cstdint>
#include <exception>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "yaml-cpp/yaml.h"

namespace hawser {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMaxDepth = 32;
// Aliases can make a small file stand for a huge document.
constexpr int kMaxNodes = 100000;

template <typename... Parts>
absl::Status At(absl::string_view path, int line, const Parts&... parts) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ":", line, ": ", parts...));
}

absl::StatusOr<DocumentNode> Convert(const YAML::Node& yaml, int depth,
                                     absl::string_view path, int* nodes) {
  DocumentNode node;
  node.line = yaml.Mark().line + 1;
  if (depth > kMaxDepth) return At(path, node.line, "nested too deeply");
  if (++*nodes > kMaxNodes) {
    return At(path, node.line, "more than ", kMaxNodes, " values");
  }
  if (yaml.IsSequence()) {
    node.kind = DocumentNode::Kind::kList;
    for (const YAML::Node& item : yaml) {
      ASSIGN_OR_RETURN(DocumentNode child,
                       Convert(item, depth + 1, path, nodes));
      node.items.push_back(std::move(child));
    }
  } else if (yaml.IsMap()) {
    node.kind = DocumentNode::Kind::kMap;
    for (const auto& pair : yaml) {
      DocumentNode::Entry entry;
      entry.line = pair.first.Mark().line + 1;
      if (!pair.first.IsScalar()) {
        return At(path, entry.line, "a field name must be plain text");
      }
      entry.key = pair.first.Scalar();
      ASSIGN_OR_RETURN(entry.value,
                       Convert(pair.second, depth + 1, path, nodes));
      node.entries.push_back(std::move(entry));
    }
  } else if (yaml.IsScalar()) {
    node.text = yaml.Scalar();
    node.quoted = yaml.Tag() == "!";
  }
  return node;
}

// Walks a document into a message.
class Filler {
 public:
  explicit Filler(absl::string_view path) : path_(path) {}

  absl::Status Fill(const DocumentNode& node, const std::string& where,
                    Message* message) {
    if (node.kind != DocumentNode::Kind::kMap) {
      // An empty value ("idx:") is an empty message.
      if (node.kind == DocumentNode::Kind::kScalar && node.text.empty()) {
        return absl::OkStatus();
      }
      return At(path_, node.line, where.empty() ? "a job" : where,
                " must have fields of its own");
    }
    std::set<const FieldDescriptor*> seen;
    for (const DocumentNode::Entry& entry : node.entries) {
      const FieldDescriptor* field =
          FindField(message->GetDescriptor(), entry.key);
      const std::string name =
          where.empty() ? entry.key : absl::StrCat(where, ".", entry.key);
      if (field == nullptr) {
        return At(path_, entry.line, "unknown field \"", name, "\"");
      }
      if (!seen.insert(field).second) {
        return At(path_, entry.line, "field \"", name, "\" stands twice");
      }
      RETURN_IF_ERROR(CheckOneof(*message, field, name, entry.line));
      RETURN_IF_ERROR(FillField(entry.value, field, name, message));
    }
    return absl::OkStatus();
  }

 private:
  static const FieldDescriptor* FindField(const Descriptor* type,
                                          const std::string& key) {
    const FieldDescriptor* field = type->FindFieldByName(key);
    return field != nullptr ? field : type->FindFieldByCamelcaseName(key);
  }

  absl::Status CheckOneof(const Message& message, const FieldDescriptor* field,
                          const std::string& name, int line) {
    const auto* oneof = field->containing_oneof();
    if (oneof == nullptr ||
        !message.GetReflection()->HasOneof(message, oneof)) {
      return absl::OkStatus();
    }
    const auto* other =
        message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
    return At(path_, line, "field \"", name, "\" excludes \"", other->name(),
              "\"; keep one");
  }

  absl::Status FillField(const DocumentNode& node, const FieldDescriptor* field,
                         const std::string& name, Message* message) {
    if (!field->is_repeated()) return FillOne(node, field, name, message);
    if (node.kind != DocumentNode::Kind::kList) {
      return At(path_, node.line, name, " must be a list");
    }
    for (const DocumentNode& item : node.items) {
      RETURN_IF_ERROR(FillOne(item, field, name, message));
    }
    return absl::OkStatus();
  }

  absl::Status FillOne(const DocumentNode& node, const FieldDescriptor* field,
                       const std::string& name, Message* message) {
    const Reflection* reflection = message->GetReflection();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Message* child = field->is_repeated()
                           ? reflection->AddMessage(message, field)
                           : reflection->MutableMessage(message, field);
      return Fill(node, name, child);
    }
    if (node.kind != DocumentNode::Kind::kScalar) {
      return At(path_, node.line, name, " must be a single value");
    }
    const bool repeated = field->is_repeated();
    const auto wrong = [&](absl::string_view wanted) {
      return At(path_, node.line, name, " is \"", node.text, "\"; it must be ",
                wanted);
    };
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_UINT32: {
        uint32_t value = 0;
        if (node.quoted || !absl::SimpleAtoi(node.text, &value)) {
          return wrong("a whole number from 0 to 4294967295");
        }
        repeated ? reflection->AddUInt32(message, field, value)
                 : reflection->SetUInt32(message, field, value);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_UINT64: {
        uint64_t value = 0;
        // JSON has 64-bit numbers as strings, too.
        if (!absl::SimpleAtoi(node.text, &value)) {
          return wrong("a whole number, 0 or more");
        }
        repeated ? reflection->AddUInt64(message, field, value)
                 : reflection->SetUInt64(message, field, value);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        double value = 0;
        std::string text = absl::AsciiStrToLower(node.text);
        if (text == ".nan" || text == ".inf") text.erase(0, 1);
        if (!absl::SimpleAtod(text, &value)) return wrong("a number");
        repeated ? reflection->AddDouble(message, field, value)
                 : reflection->SetDouble(message, field, value);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_BOOL: {
        if (node.quoted || (node.text != "true" && node.text != "false")) {
          return wrong("true or false");
        }
        reflection->SetBool(message, field, node.text == "true");
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const auto* value = field->enum_type()->FindValueByName(node.text);
        if (value == nullptr) {
          std::string names;
          for (int i = 1; i < field->enum_type()->value_count(); ++i) {
            absl::StrAppend(&names, i == 1 ? "" : ", ",
                            field->enum_type()->value(i)->name());
          }
          return wrong(absl::StrCat("one of ", names));
        }
        reflection->SetEnum(message, field, value);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_STRING:
        repeated ? reflection->AddString(message, field, node.text)
                 : reflection->SetString(message, field, node.text);
        return absl::OkStatus();
      default:
        return At(path_, node.line, name, " has a type that job files lack");
    }
  }

  const absl::string_view path_;
};

}  // namespace

absl::StatusOr<DocumentNode> ParseDocument(absl::string_view text,
                                           absl::string_view path) {
  // yaml-cpp reports by exceptions; they end here.
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) {
      return At(path, documents[1].Mark().line + 1,
                "one document a file, this is the second");
    }
    if (documents.empty()) return At(path, 1, "the file is empty");
    int nodes = 0;
    return Convert(documents[0], 0, path, &nodes);
  } catch (const YAML::Exception& error) {
    return At(path, error.mark.line + 1, error.msg);
  } catch (const std::exception& error) {
    return At(path, 1, error.what());
  }
}

absl::Status FillMessage(const DocumentNode& document, absl::string_view path,
                         google::protobuf::Message* message) {
  return Filler(path).Fill(document, "", message);
}

}  // namespace hawser
