// Byte-level BPE in its files: tokenizer.json of Hugging Face's `tokenizers`,
// and vocab.json with merges.txt of GPT-2.
//
// Read of tokenizer.json: model (BPE), pre_tokenizer (ByteLevel, or a Split by
// one of the expressions of word_splitter.h and then ByteLevel), added_tokens.
// Left out: post_processor, truncation, padding and decoder, which do not
// change which tokens a text has. Anything else is UNIMPLEMENTED, by name.
#ifndef HAWSER_COMMON_TOKENIZER_TOKENIZER_JSON_H_
#define HAWSER_COMMON_TOKENIZER_TOKENIZER_JSON_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/tokenizer.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Tokenizer>> ReadTokenizerJson(
    absl::string_view text);

// <|endoftext|>, if the vocabulary has it, is found in texts as a whole.
absl::StatusOr<std::unique_ptr<Tokenizer>> ReadVocabAndMerges(
    absl::string_view vocab_json, absl::string_view merges_text);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_TOKENIZER_JSON_H_
