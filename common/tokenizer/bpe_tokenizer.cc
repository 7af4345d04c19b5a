#include "common/tokenizer/bpe_tokenizer.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"
#include "common/tokenizer/added_tokens.h"
#include "common/tokenizer/bpe_model.h"

namespace hawser {
namespace {

// Of words that are remembered.
constexpr size_t kMaxWords = 1 << 17;
constexpr size_t kMaxWordBytes = 64;

// Remembers the tokens of words.
class WordEncoder {
 public:
  explicit WordEncoder(BpeModel model) : model_(std::move(model)) {}

  absl::Status Encode(absl::string_view word, std::vector<int32_t>* tokens) {
    if (word.size() > kMaxWordBytes) return model_.EncodeWord(word, tokens);
    const auto found = known_.find(word);
    if (found != known_.end()) {
      const auto [first, count] = found->second;
      tokens->insert(tokens->end(), pool_.begin() + first,
                     pool_.begin() + first + count);
      return absl::OkStatus();
    }
    if (known_.size() == kMaxWords) {
      known_.clear();
      pool_.clear();
    }
    const auto before = static_cast<int64_t>(tokens->size());
    RETURN_IF_ERROR(model_.EncodeWord(word, tokens));
    known_[word] = {static_cast<int64_t>(pool_.size()),
                    static_cast<int64_t>(tokens->size()) - before};
    pool_.insert(pool_.end(), tokens->begin() + before, tokens->end());
    return absl::OkStatus();
  }

 private:
  const BpeModel model_;
  // Word: where its tokens are in pool_, and how many.
  absl::flat_hash_map<std::string, std::pair<int64_t, int64_t>> known_;
  std::vector<int32_t> pool_;
};

class BpeTokenizer : public Tokenizer {
 public:
  BpeTokenizer(BpeModel model, BpeParts parts)
      : texts_(std::move(parts.vocabulary)),
        end_of_text_(parts.end_of_text),
        pattern_(parts.pattern),
        adds_prefix_space_(parts.adds_prefix_space),
        words_(std::move(model)) {
    for (const AddedToken& added : parts.added) {
      texts_[static_cast<size_t>(added.token)] = added.content;
      added_.Add(added.content, added.token);
    }
  }

  int64_t vocabulary() const override {
    return static_cast<int64_t>(texts_.size());
  }
  std::optional<int32_t> end_of_text() const override { return end_of_text_; }
  absl::string_view TokenText(int32_t token) const override {
    return texts_[static_cast<size_t>(token)];
  }

  absl::StatusOr<size_t> EncodeSome(
      absl::string_view text, bool first, bool last,
      std::vector<int32_t>* tokens) const override {
    // An added token that starts before this is seen whole.
    size_t sure = text.size();
    if (!last && added_.longest() > 1) {
      sure -= std::min(sure, added_.longest() - 1);
    }
    size_t at = 0;
    bool starts = first;  // at the start of a stretch between added tokens
    // What is certain whatever follows.
    size_t certain = 0;
    size_t certain_tokens = tokens->size();
    absl::MutexLock lock(&mutex_);
    while (at < text.size()) {
      const AddedTokens::Match match = added_.Find(text, at, sure);
      const absl::string_view stretch = text.substr(at, match.at - at);
      if (match.bytes == 0 && !last) {
        ASSIGN_OR_RETURN(
            const size_t used,
            EncodeOpen(stretch, starts, std::max(sure, at) - at, tokens));
        if (used != 0) {
          certain = at + used;
          certain_tokens = tokens->size();
        }
        break;
      }
      RETURN_IF_ERROR(EncodeClosed(stretch, starts, tokens));
      at = match.at;
      if (match.bytes != 0) {
        tokens->push_back(match.token);
        at += match.bytes;
        starts = true;
      }
      // The next call would not know that a stretch starts.
      if (!adds_prefix_space_ || last) {
        certain = at;
        certain_tokens = tokens->size();
      }
    }
    tokens->resize(certain_tokens);
    return certain;
  }

 private:
  bool WantsPrefix(absl::string_view stretch, bool starts) const {
    return adds_prefix_space_ && starts && !stretch.empty() &&
           stretch[0] != ' ';
  }

  // A stretch that ends where it ends.
  absl::Status EncodeClosed(absl::string_view stretch, bool starts,
                            std::vector<int32_t>* tokens) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::string prefixed;
    if (WantsPrefix(stretch, starts)) {
      prefixed = absl::StrCat(" ", stretch);
      stretch = prefixed;
    }
    while (!stretch.empty()) {
      const size_t bytes = NextWord(pattern_, stretch);
      RETURN_IF_ERROR(words_.Encode(stretch.substr(0, bytes), tokens));
      stretch.remove_prefix(bytes);
    }
    return absl::OkStatus();
  }

  // A stretch that goes on: encodes words that stay as they are, that is, those
  // followed by another that ends before the stretch does, and before any added
  // token at `sure` or later. Returns the bytes encoded.
  absl::StatusOr<size_t> EncodeOpen(absl::string_view stretch, bool starts,
                                    size_t sure,
                                    std::vector<int32_t>* tokens) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::string prefixed;
    size_t prefix = 0;
    if (WantsPrefix(stretch, starts)) {
      prefixed = absl::StrCat(" ", stretch);
      stretch = prefixed;
      prefix = 1;
    }
    sure += prefix;
    size_t used = 0;
    size_t word = 0;  // bytes of the word that starts at `used`
    while (used + word < stretch.size()) {
      const size_t next = NextWord(pattern_, stretch.substr(used + word));
      const size_t end = used + word + next;
      if (end >= stretch.size() || end > sure) break;
      if (word != 0) {
        RETURN_IF_ERROR(words_.Encode(stretch.substr(used, word), tokens));
      }
      used += word;
      word = next;
    }
    return used == 0 ? 0 : used - prefix;
  }

  std::vector<std::string> texts_;
  const std::optional<int32_t> end_of_text_;
  const WordPattern pattern_;
  const bool adds_prefix_space_;
  AddedTokens added_;
  mutable absl::Mutex mutex_;
  mutable WordEncoder words_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeBpeTokenizer(BpeParts parts) {
  std::vector<bool> seen(parts.vocabulary.size());
  for (const AddedToken& added : parts.added) {
    const auto token = static_cast<size_t>(added.token);
    if (added.token < 0 || token >= seen.size() || seen[token] ||
        added.content.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the added token ", added.token, ", \"", added.content,
          "\", is empty, stands twice or is beyond the vocabulary, ",
          seen.size()));
    }
    seen[token] = true;
  }
  for (size_t token = 0; token < seen.size(); ++token) {
    if (parts.vocabulary[token].empty() && !seen[token]) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", token, " stands for nothing"));
    }
  }
  ASSIGN_OR_RETURN(
      BpeModel model,
      BpeModel::Make(parts.vocabulary, parts.merges, parts.takes_whole_words));
  return std::make_unique<BpeTokenizer>(std::move(model), std::move(parts));
}

}  // namespace hawser
