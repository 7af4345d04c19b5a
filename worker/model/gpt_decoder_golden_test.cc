// Logits after each token, against those of Hugging Face transformers for the
// same model directory (tests/golden, tests/interop/transformers_check.py).
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/huggingface/model_directory.h"
#include "common/source_directory.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "worker/backend/thread_pool.h"
#include "worker/model/gpt_decoder.h"

namespace hawser {
namespace {

class GptDecoderGoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GptDecoderGoldenTest, LogitsAreThoseOfTransformers) {
  const std::string path =
      absl::StrCat("tests/golden/huggingface/", GetParam());
  const auto directory = ModelDirectory::Open(SourceDirectory::Anywhere(path));
  ASSERT_TRUE(directory.ok()) << directory.status();
  std::vector<float> theta(directory->layout().parameters);
  ASSERT_TRUE(directory->ReadParameters(theta.data()).ok());
  const auto text = ReadWholeFile(path + "/logits.json", 1 << 24);
  ASSERT_TRUE(text.ok()) << text.status();
  const auto golden = nlohmann::json::parse(*text);
  ThreadPool pool(1);
  for (size_t sample = 0; sample < golden["tokens"].size(); ++sample) {
    const auto decoder =
        GptDecoder::Make(directory->model().gpt(), theta, &pool);
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    const auto& tokens = golden["tokens"][sample];
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto logits = (*decoder)->Append({tokens[i].get<int32_t>()});
      const auto expected =
          golden["logits"][sample][i].get<std::vector<float>>();
      ASSERT_EQ(logits.size(), expected.size());
      for (size_t token = 0; token < expected.size(); ++token) {
        ASSERT_NEAR(logits[token], expected[token], 2e-5)
            << "sample " << sample << ", position " << i << ", token " << token;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Directories, GptDecoderGoldenTest,
                         ::testing::Values("gpt2", "llama"));

}  // namespace
}  // namespace hawser
