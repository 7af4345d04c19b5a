// Tokens to text as they come, for a terminal: what ends in the middle of a
// UTF-8 character is held back until the rest of it comes.
//
//   StreamDecoder decoder(tokenizer.get());
//   for (...) Print(decoder.Add(token));
//   Print(decoder.Finish());
//
// Thread-compatible.
#ifndef HAWSER_COMMON_TOKENIZER_STREAM_DECODER_H_
#define HAWSER_COMMON_TOKENIZER_STREAM_DECODER_H_

#include <cstdint>
#include <string>

#include "common/tokenizer/tokenizer.h"

namespace hawser {

class StreamDecoder {
 public:
  // The tokenizer must live as long.
  explicit StreamDecoder(const Tokenizer* tokenizer) : tokenizer_(tokenizer) {}

  // The text that this token completes, possibly none; always valid UTF-8:
  // bytes that cannot be become U+FFFD. 0 <= token < vocabulary().
  std::string Add(int32_t token);

  // What is held back, as U+FFFD.
  std::string Finish();

 private:
  const Tokenizer* const tokenizer_;
  std::string held_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_STREAM_DECODER_H_
