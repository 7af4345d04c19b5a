// A token a byte: the vocabulary is 256, any file is text.
#ifndef HAWSER_COMMON_TOKENIZER_BYTE_TOKENIZER_H_
#define HAWSER_COMMON_TOKENIZER_BYTE_TOKENIZER_H_

#include <memory>

#include "common/tokenizer/tokenizer.h"

namespace hawser {

std::unique_ptr<Tokenizer> MakeByteTokenizer();

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_BYTE_TOKENIZER_H_
