#include "worker/data/text_dataset.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rooted_path.h"
#include "common/status_macros.h"
#include "common/tokenizer/make_tokenizer.h"
#include "common/tokenizer/utf8.h"
#include "worker/data/mapped_file.h"
#include "worker/data/token_dataset.h"
#include "worker/data/token_stream.h"

namespace hawser {
namespace {

constexpr size_t kMaxFiles = 1 << 20;
// Bytes tokenized at once; more where there is no place to cut.
constexpr size_t kPiece = size_t{1} << 20;
constexpr size_t kMaxPiece = size_t{64} << 20;

using Paths = google::protobuf::RepeatedPtrField<std::string>;

absl::Status NotUtf8(const std::string& path, size_t at) {
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": not UTF-8 at byte ", at,
      "; convert it (iconv -t UTF-8) or use tokenizer { bytes { } }"));
}

// Tokenizes a file in pieces.
template <typename Stored>
absl::StatusOr<std::vector<Stored>> TokenizeFile(const Tokenizer& tokenizer,
                                                 const std::string& path,
                                                 absl::string_view bytes) {
  std::vector<Stored> all;
  std::vector<int32_t> tokens;
  size_t at = 0;
  size_t most = kPiece;
  while (at < bytes.size()) {
    absl::string_view piece = bytes.substr(at, most);
    bool last = at + piece.size() == bytes.size();
    if (tokenizer.needs_utf8()) {
      const size_t valid = ValidUtf8Prefix(piece);
      if (valid != piece.size() &&
          (last || !IsUnfinishedUtf8(piece.substr(valid)))) {
        return NotUtf8(path, at + valid);
      }
      piece = piece.substr(0, valid);
    }
    tokens.clear();
    const auto used = tokenizer.EncodeSome(piece, at == 0, last, &tokens);
    if (!used.ok()) {
      return absl::Status(used.status().code(),
                          absl::StrCat(path, " from byte ", at,
                                       " on: ", used.status().message()));
    }
    all.insert(all.end(), tokens.begin(), tokens.end());
    at += *used;
    if (*used != 0) {
      most = kPiece;
    } else if (most < kMaxPiece) {
      most *= 2;
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": no end of a word in ", kMaxPiece, " bytes from byte ", at,
          " on; use tokenizer { bytes { } } if this is not text"));
    }
  }
  all.shrink_to_fit();
  return all;
}

absl::Status AppendFile(const std::string& path, const Tokenizer& tokenizer,
                        bool is_bytes, MappedFile file, TokenStream* stream) {
  if (file.bytes().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is empty; leave it out"));
  }
  if (is_bytes) {
    stream->AppendFile(path, std::move(file), 0, 1);
    return absl::OkStatus();
  }
  if (tokenizer.vocabulary() <= 1 << 16) {
    ASSIGN_OR_RETURN(std::vector<uint16_t> tokens,
                     TokenizeFile<uint16_t>(tokenizer, path, file.bytes()));
    stream->AppendTokens(path, std::move(tokens));
  } else {
    ASSIGN_OR_RETURN(std::vector<uint32_t> tokens,
                     TokenizeFile<uint32_t>(tokenizer, path, file.bytes()));
    stream->AppendTokens(path, std::move(tokens));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const TokenStream>> OpenFiles(
    const Paths& paths, const std::string& root, const Tokenizer& tokenizer,
    bool is_bytes) {
  auto stream = std::make_shared<TokenStream>();
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files,
                     ListFilesBeneath(root, path, kMaxFiles));
    if (files.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " is a directory without files"));
    }
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(root, file));
      RETURN_IF_ERROR(AppendFile(file, tokenizer, is_bytes, std::move(mapped),
                                 stream.get()));
    }
  }
  return stream;
}

}  // namespace

absl::Status CheckTokenizer(const Tokenizer& tokenizer, const GptSpec& model) {
  // A smaller one is fine: models pad their vocabulary.
  if (tokenizer.vocabulary() <= int64_t{model.vocabulary()}) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the tokenizer has ", tokenizer.vocabulary(),
                   " tokens, model.gpt.vocabulary is ", model.vocabulary(),
                   "; use the tokenizer that the model was made for, or set ",
                   "model.gpt.vocabulary to ", tokenizer.vocabulary()));
}

absl::StatusOr<std::unique_ptr<Dataset>> OpenTextDataset(
    const TextSpec& spec, const GptSpec& model, const std::string& data_root) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer,
                   MakeTokenizer(spec.tokenizer(), data_root));
  RETURN_IF_ERROR(CheckTokenizer(*tokenizer, model));
  const bool is_bytes =
      spec.tokenizer().has_bytes() ||
      spec.tokenizer().kind_case() == TokenizerSpec::KIND_NOT_SET;
  ASSIGN_OR_RETURN(std::shared_ptr<const TokenStream> training,
                   OpenFiles(spec.files(), data_root, *tokenizer, is_bytes));
  std::shared_ptr<const TokenStream> validation;
  if (std::equal(spec.files().begin(), spec.files().end(),
                 spec.validation_files().begin(),
                 spec.validation_files().end())) {
    validation = training;  // text that is only measured
  } else if (!spec.validation_files().empty()) {
    ASSIGN_OR_RETURN(validation, OpenFiles(spec.validation_files(), data_root,
                                           *tokenizer, is_bytes));
  }
  const auto size = [&](int32_t token) {
    return static_cast<int64_t>(tokenizer->TokenText(token).size());
  };
  const auto one = [](int32_t) { return int64_t{1}; };
  const BytesOfToken bytes_of =
      is_bytes ? BytesOfToken(one) : BytesOfToken(size);
  return MakeTokenDataset(std::move(training), std::move(validation),
                          {int64_t{model.context()}, tokenizer->vocabulary(),
                           spec.validation_share()},
                          &bytes_of);
}

}  // namespace hawser
