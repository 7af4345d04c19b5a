#include "worker/data/token_file_dataset.h"

#include <utility>

#include "common/status_macros.h"
#include "common/tokenizer/make_tokenizer.h"
#include "worker/data/text_dataset.h"
#include "worker/data/token_dataset.h"
#include "worker/data/token_file.h"
#include "worker/data/token_stream.h"

namespace hawser {
namespace {

using Paths = google::protobuf::RepeatedPtrField<std::string>;

// tokenizer: null: not known.
absl::StatusOr<std::shared_ptr<const TokenStream>> OpenFiles(
    const Paths& paths, const std::string& root, const GptSpec& model,
    const Tokenizer* tokenizer) {
  auto stream = std::make_shared<TokenStream>();
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(root, path));
    ASSIGN_OR_RETURN(const TokenFileLayout layout,
                     ReadTokenFileLayout(path, file.bytes()));
    stream->AppendFile(path, std::move(file), layout.offset, layout.width);
  }
  if (tokenizer != nullptr) {
    RETURN_IF_ERROR(stream->CheckBelow(tokenizer->vocabulary(),
                                       "the tokenizer's vocabulary"));
  } else {
    RETURN_IF_ERROR(
        stream->CheckBelow(model.vocabulary(), "model.gpt.vocabulary"));
  }
  return stream;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenTokenFileDataset(
    const TokensSpec& spec, const GptSpec& model,
    const std::string& data_root) {
  std::unique_ptr<Tokenizer> tokenizer;
  if (spec.has_tokenizer()) {
    ASSIGN_OR_RETURN(tokenizer, MakeTokenizer(spec.tokenizer(), data_root));
    RETURN_IF_ERROR(CheckTokenizer(*tokenizer, model));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const TokenStream> training,
                   OpenFiles(spec.train(), data_root, model, tokenizer.get()));
  std::shared_ptr<const TokenStream> validation;
  if (!spec.validation().empty()) {
    ASSIGN_OR_RETURN(validation, OpenFiles(spec.validation(), data_root, model,
                                           tokenizer.get()));
  }
  const auto size = [&](int32_t token) {
    return static_cast<int64_t>(tokenizer->TokenText(token).size());
  };
  const BytesOfToken bytes_of = size;
  return MakeTokenDataset(std::move(training), std::move(validation),
                          {int64_t{model.context()},
                           tokenizer == nullptr ? int64_t{model.vocabulary()}
                                                : tokenizer->vocabulary(),
                           spec.validation_share()},
                          tokenizer == nullptr ? nullptr : &bytes_of);
}

}  // namespace hawser
