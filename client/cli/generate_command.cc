// hawser generate: text by a trained model, as it is made.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/trained_model.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/tokenizer/stream_decoder.h"
#include "nlohmann/json.hpp"
#include "worker/backend/thread_pool.h"
#include "worker/model/gpt_decoder.h"
#include "worker/model/sampler.h"

namespace hawser {
namespace {

constexpr size_t kMaxPromptBytes = size_t{64} << 20;

struct GenerateFlags {
  ModelFlags model;
  std::string prompt;
  std::string prompt_file;
  int64_t max_tokens = 200;
  SamplerSettings sampler;
};

struct Generation {
  std::string text;
  int64_t prompt_tokens = 0;
  int64_t tokens = 0;
  std::string stopped = "max_tokens";  // or "end_of_text", "interrupted"
  double prompt_seconds = 0;
  double seconds = 0;

  double TokensPerSecond() const {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
  }
};

// Prints text at once, or fails.
using Emit = absl::FunctionRef<absl::Status(const std::string&)>;

absl::StatusOr<std::string> ReadPrompt(const GenerateFlags& flags) {
  if (flags.prompt == "-" || flags.prompt_file == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (flags.prompt_file.empty()) return flags.prompt;
  return ReadWholeFile(flags.prompt_file, kMaxPromptBytes);
}

absl::StatusOr<std::vector<int32_t>> PromptTokens(const Tokenizer& tokenizer,
                                                  const std::string& prompt) {
  if (prompt.empty() && tokenizer.end_of_text().has_value()) {
    return std::vector<int32_t>{*tokenizer.end_of_text()};
  }
  auto tokens = tokenizer.Encode(prompt.empty() ? "\n" : prompt);
  if (!tokens.ok()) {
    return absl::Status(
        tokens.status().code(),
        absl::StrCat("the prompt: ", tokens.status().message()));
  }
  if (tokens->empty()) {
    return absl::InvalidArgumentError(
        "the prompt is no token at all; give some text with --prompt");
  }
  return tokens;
}

absl::StatusOr<Generation> Generate(const GenerateFlags& flags,
                                    const Tokenizer& tokenizer,
                                    absl::Span<const int32_t> prompt,
                                    GptDecoder* decoder, Emit emit) {
  Generation made;
  made.prompt_tokens = static_cast<int64_t>(prompt.size());
  StreamDecoder text(&tokenizer);
  const auto add = [&](const std::string& piece) {
    made.text += piece;
    return piece.empty() ? absl::OkStatus() : emit(piece);
  };
  const absl::Time start = absl::Now();
  // A model may have more tokens than its tokenizer: padding.
  const auto vocabulary = static_cast<size_t>(tokenizer.vocabulary());
  absl::Span<const float> logits = decoder->Append(prompt);
  const absl::Time first = absl::Now();
  while (made.tokens < flags.max_tokens) {
    if (Interrupted()) {
      made.stopped = "interrupted";
      break;
    }
    ASSIGN_OR_RETURN(const int32_t token,
                     SampleToken(flags.sampler, prompt.size() + made.tokens,
                                 logits.subspan(0, vocabulary)));
    if (tokenizer.end_of_text() == token) {
      made.stopped = "end_of_text";
      break;
    }
    ++made.tokens;
    RETURN_IF_ERROR(add(text.Add(token)));
    if (made.tokens < flags.max_tokens) logits = decoder->Append({token});
  }
  RETURN_IF_ERROR(add(text.Finish()));
  made.prompt_seconds = absl::ToDoubleSeconds(first - start);
  made.seconds = absl::ToDoubleSeconds(absl::Now() - first);
  return made;
}

absl::Status PrintPiece(const std::string& piece) {
  if (std::fputs(piece.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) {
    return absl::OkStatus();
  }
  return absl::AbortedError("the text cannot be written: stdout is closed");
}

nlohmann::ordered_json ToJson(const Generation& made) {
  return {{"text", made.text},
          {"stopped", made.stopped},
          {"prompt_tokens", made.prompt_tokens},
          {"tokens", made.tokens},
          {"prompt_seconds", made.prompt_seconds},
          {"seconds", made.seconds},
          {"tokens_per_second", made.TokensPerSecond()}};
}

void PrintStatistics(const Generation& made) {
  const bool ends_line = !made.text.empty() && made.text.back() == '\n';
  if (isatty(STDOUT_FILENO) != 0 && !ends_line) Print("\n");
  std::fprintf(
      stderr, "%s\n",
      absl::StrFormat("%d tokens in %.2f s, %.1f tokens/s; prompt of %d tokens "
                      "read in %.2f s",
                      made.tokens, made.seconds, made.TokensPerSecond(),
                      made.prompt_tokens, made.prompt_seconds)
          .c_str());
}

absl::StatusOr<Generation> Run(const CommandLine& line,
                               const GenerateFlags& flags) {
  RETURN_IF_ERROR(CheckSettings(flags.sampler));
  ASSIGN_OR_RETURN(const std::string prompt, ReadPrompt(flags));
  ASSIGN_OR_RETURN(TrainedModel trained, LoadTrainedModel(line, flags.model));
  if (!trained.model.has_gpt()) {
    return absl::InvalidArgumentError(
        absl::StrCat(trained.description,
                     " is not a language model; `hawser generate` needs a "
                     "job with model { gpt { } }"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer,
                   LoadTokenizer(flags.model, trained));
  ASSIGN_OR_RETURN(const std::vector<int32_t> tokens,
                   PromptTokens(*tokenizer, prompt));
  ThreadPool pool(ThreadsOf(flags.model));
  ASSIGN_OR_RETURN(const std::unique_ptr<GptDecoder> decoder,
                   GptDecoder::Make(trained.model.gpt(),
                                    std::move(trained.parameters), &pool));
  CatchInterruptions();
  const bool stream = !line.json();
  return Generate(flags, *tokenizer, tokens, decoder.get(),
                  [&](const std::string& piece) {
                    return stream ? PrintPiece(piece) : absl::OkStatus();
                  });
}

}  // namespace

void AddGenerateCommand(CommandLine* line) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "generate", "continue a text by a trained language model");
  AddModelFlags(verb, &flags->model);
  auto* prompt = verb->add_option(
      "--prompt", flags->prompt,
      "the text to continue; - reads it from stdin (default: none)");
  auto* file = verb->add_option("--prompt-file", flags->prompt_file,
                                "a file with the text to continue");
  prompt->excludes(file);
  verb->add_option("--max-tokens", flags->max_tokens, "tokens to make at most")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  SamplerSettings& sampler = flags->sampler;
  verb->add_option("--temperature", sampler.temperature,
                   "above 1: bolder, below 1: safer, 0: always the most "
                   "likely token")
      ->capture_default_str();
  verb->add_option("--top-k", sampler.top_k,
                   "only the k most likely tokens (0: all)")
      ->capture_default_str();
  verb->add_option("--top-p", sampler.top_p,
                   "only the most likely tokens that together have this "
                   "probability")
      ->capture_default_str();
  verb->add_option("--seed", sampler.seed, "another seed, another text")
      ->capture_default_str();
  verb->callback([line, flags] {
    RequireModel(flags->model);
    line->verb = [line, flags] {
      const auto made = Run(*line, *flags);
      if (!made.ok()) return static_cast<int>(Fail(made.status()));
      if (line->json()) {
        PrintJson(ToJson(*made));
      } else {
        PrintStatistics(*made);
      }
      return static_cast<int>(Interrupted() ? kInterrupted : kDone);
    };
  });
}

}  // namespace hawser
