// Directories that transformers wrote, opened here: the model gives the logits
// that transformers gave (tests/interop/transformers_check.py golden).
//
// A Model tells losses, not logits. Two losses whose labels differ at one place
// differ by two logits of that place, over the tokens of a sample: all logits
// are known up to one number per place, on which no probability depends.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/huggingface/model_directory.h"
#include "common/source_directory.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "worker/backend/thread_pool.h"
#include "worker/model/model.h"

namespace hawser {
namespace {

constexpr double kTolerance = 1e-4;

class HuggingfaceLogitsTest : public testing::TestWithParam<const char*> {};

TEST_P(HuggingfaceLogitsTest, AreThoseOfTransformers) {
  const std::string path =
      std::string("tests/golden/huggingface/") + GetParam();
  const auto directory = ModelDirectory::Open(SourceDirectory::Anywhere(path));
  ASSERT_TRUE(directory.ok()) << directory.status();
  std::vector<float> theta(directory->layout().parameters);
  ASSERT_TRUE(directory->ReadParameters(theta.data()).ok());
  const auto golden =
      nlohmann::json::parse(*ReadWholeFile(path + "/logits.json", 1 << 20));

  ThreadPool pool(1);
  const auto model = MakeModel(directory->model(), 1, &pool);
  ASSERT_TRUE(model.ok()) << model.status();
  const size_t context = directory->model().gpt().context();
  double worst = 0;
  for (size_t sequence = 0; sequence < golden["tokens"].size(); ++sequence) {
    Batch batch;
    batch.samples = 1;
    batch.tokens = golden["tokens"][sequence].get<std::vector<int32_t>>();
    const size_t length = batch.tokens.size();
    batch.tokens.resize(context, 0);  // what follows has no influence
    batch.labels.assign(context, 0);
    const double base = (*model)->Evaluate(theta.data(), batch).MeanLoss();
    for (size_t place = 0; place < length; ++place) {
      const auto logits =
          golden["logits"][sequence][place].get<std::vector<double>>();
      for (size_t token = 1; token < logits.size(); ++token) {
        batch.labels[place] = static_cast<int32_t>(token);
        const double loss = (*model)->Evaluate(theta.data(), batch).MeanLoss();
        const double difference = (base - loss) * static_cast<double>(context);
        worst = std::max(worst,
                         std::fabs(difference - (logits[token] - logits[0])));
      }
      batch.labels[place] = 0;
    }
  }
  EXPECT_LT(worst, kTolerance);
  RecordProperty("largest_difference", std::to_string(worst));
}

INSTANTIATE_TEST_SUITE_P(All, HuggingfaceLogitsTest,
                         testing::Values("gpt2", "llama"));

}  // namespace
}  // namespace hawser
