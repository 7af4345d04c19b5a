// The tokenizer of an exported model, as Hugging Face transformers looks for
// it beside the weights.
#ifndef HAWSER_CLIENT_EXPORT_TOKENIZER_FILES_H_
#define HAWSER_CLIENT_EXPORT_TOKENIZER_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/huggingface/config.h"
#include "proto/job.pb.h"

namespace hawser {

struct NamedFile {
  std::string name;
  std::string content;
};

struct TokenizerFiles {
  std::vector<NamedFile> files;  // tokenizer_config.json and what it needs
  SpecialTokens special;
  std::string why_none;  // for people, if there are no files
};

// A tokenizer.json of bytes: byte-level BPE without merges, ids as the bytes.
std::string BytesTokenizerJson();

// What made the tokens of data, for a model of so many tokens and positions.
// Its files are read below data_root; empty: there is none, only the bytes
// tokenizer is had. FAILED_PRECONDITION: the tokenizer has more tokens than
// the model. Others: a file cannot be read; the message names it.
absl::StatusOr<TokenizerFiles> TokenizerOf(const DataSpec& data,
                                           const GptSpec& gpt,
                                           const std::string& data_root);

}  // namespace hawser

#endif  // HAWSER_CLIENT_EXPORT_TOKENIZER_FILES_H_
