// Text to tokens and back. A tokenizer is one file and one line of the list in
// make_tokenizer.cc.
//
// Tokens are those of the program that the tokenizer comes from, with no token
// added at the start or the end of a text.
//
// Thread-safe.
//
//   ASSIGN_OR_RETURN(const auto tokenizer, MakeTokenizer(spec, data_root));
//   ASSIGN_OR_RETURN(const std::vector<int32_t> tokens,
//                    tokenizer->Encode("to be or not"));
#ifndef HAWSER_COMMON_TOKENIZER_TOKENIZER_H_
#define HAWSER_COMMON_TOKENIZER_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hawser {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Tokens are 0..vocabulary()-1.
  virtual int64_t vocabulary() const = 0;

  // The token that stands between documents; nothing: there is none.
  virtual std::optional<int32_t> end_of_text() const { return std::nullopt; }

  // Whether a text must be UTF-8.
  virtual bool needs_utf8() const { return true; }

  // The bytes that a token stands for; 0 <= token < vocabulary(). They need not
  // be whole characters, and are none for a token of control.
  virtual absl::string_view TokenText(int32_t token) const = 0;

  // The tokens of a text. INVALID_ARGUMENT: it is not UTF-8 (at which byte), or
  // has something that the vocabulary has no token for.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text) const;

  // Encodes a long text piece by piece, to exactly the tokens of the whole.
  // `text` starts at the text's start (first) or where the last call ended.
  // Appends the tokens of a prefix of it and returns the prefix's bytes: all of
  // it if the text ends here (last), else up to a place where whatever follows
  // cannot matter. 0: there is no such place; come again with more text.
  virtual absl::StatusOr<size_t> EncodeSome(
      absl::string_view text, bool first, bool last,
      std::vector<int32_t>* tokens) const = 0;

  // The bytes that the tokens stand for. INVALID_ARGUMENT: a token beyond the
  // vocabulary.
  virtual absl::StatusOr<std::string> Decode(
      absl::Span<const int32_t> tokens) const;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_TOKENIZER_H_
