#include "common/tokenizer/stream_decoder.h"

#include "absl/strings/string_view.h"
#include "common/tokenizer/utf8.h"

namespace hawser {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

}  // namespace

std::string StreamDecoder::Add(int32_t token) {
  const absl::string_view part = tokenizer_->TokenText(token);
  held_.append(part.data(), part.size());
  std::string text;
  absl::string_view rest = held_;
  for (;;) {
    const size_t valid = ValidUtf8Prefix(rest);
    text.append(rest.data(), valid);
    rest.remove_prefix(valid);
    if (rest.empty() || IsUnfinishedUtf8(rest)) break;
    text += kReplacement;
    rest.remove_prefix(1);
  }
  held_ = std::string(rest);
  return text;
}

std::string StreamDecoder::Finish() {
  const bool holds = !held_.empty();
  held_.clear();
  return holds ? kReplacement : "";
}

}  // namespace hawser
