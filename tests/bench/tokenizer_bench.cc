// How fast texts become tokens: MB of text a second, for a tokenizer and a
// file.
//
//   bazel run -c opt //tests/bench:tokenizer_bench -- TOKENIZER FILE
#include <chrono>
#include <cstdio>
#include <string>

#include "absl/strings/match.h"
#include "common/files.h"
#include "common/tokenizer/make_tokenizer.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string name = argv[1];
  hawser::TokenizerSpec spec;
  if (absl::EndsWith(name, ".model")) {
    spec.set_sentencepiece(name);
  } else {
    spec.set_tokenizer_json(name);
  }
  const auto tokenizer =
      hawser::MakeTokenizer(spec, [](const std::string& path) {
        return hawser::ReadWholeFile(path, hawser::kMaxTokenizerBytes);
      });
  const auto text = hawser::ReadWholeFile(argv[2], size_t{1} << 30);
  if (!tokenizer.ok() || !text.ok()) {
    std::fprintf(stderr, "%s\n%s\n", tokenizer.status().ToString().c_str(),
                 text.status().ToString().c_str());
    return 1;
  }
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const auto tokens = (*tokenizer)->Encode(*text);
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    if (!tokens.ok()) return 1;
    std::printf("%zu tokens, %.1f MB/s\n", tokens->size(),
                static_cast<double>(text->size()) / 1e6 / seconds.count());
  }
  return 0;
}
