#include "common/tokenizer/tokenizer.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/tokenizer/utf8.h"

namespace hawser {

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(
    absl::string_view text) const {
  if (needs_utf8()) {
    const size_t valid = ValidUtf8Prefix(text);
    if (valid != text.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the text is not UTF-8 at byte ", valid));
    }
  }
  std::vector<int32_t> tokens;
  RETURN_IF_ERROR(
      EncodeSome(text, /*first=*/true, /*last=*/true, &tokens).status());
  return tokens;
}

absl::StatusOr<std::string> Tokenizer::Decode(
    absl::Span<const int32_t> tokens) const {
  std::string text;
  for (const int32_t token : tokens) {
    if (token < 0 || token >= vocabulary()) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", token, " is beyond the tokenizer's vocabulary",
                       ", 0 to ", vocabulary() - 1));
    }
    const absl::string_view part = TokenText(token);
    text.append(part.data(), part.size());
  }
  return text;
}

}  // namespace hawser
