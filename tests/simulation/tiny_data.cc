#include "tests/simulation/tiny_data.h"

#include <fstream>

#include "common/counter_random.h"
#include "glog/logging.h"

namespace hawser::simulation {
namespace {

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  CHECK(file.good()) << "cannot write " << path;
}

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift & 0xff));
  }
  return bytes;
}

// The pixel of a sample's class is bright.
void WriteSet(const std::string& prefix, uint32_t samples, uint32_t first) {
  const CounterRandom random(0, RandomPurpose::kAugmentation);
  std::string images = BigEndian(0x803) + BigEndian(samples) + BigEndian(2) +
                       BigEndian(kFeatures / 2);
  std::string labels = BigEndian(0x801) + BigEndian(samples);
  for (uint32_t sample = 0; sample < samples; ++sample) {
    const auto noise = random.Words(first + sample);
    const uint32_t label = (first + sample) % kClasses;
    for (uint32_t pixel = 0; pixel < kFeatures; ++pixel) {
      const uint32_t bright = pixel == label ? 128 : 0;
      images.push_back(static_cast<char>(bright + noise[pixel] % 128));
    }
    labels.push_back(static_cast<char>(label));
  }
  WriteFile(prefix + "-images-idx3-ubyte", images);
  WriteFile(prefix + "-labels-idx1-ubyte", labels);
}

}  // namespace

void WriteTinyData(const std::string& directory, uint32_t training_samples,
                   uint32_t validation_samples) {
  WriteSet(directory + "/train", training_samples, 0);
  WriteSet(directory + "/t10k", validation_samples, training_samples);
}

}  // namespace hawser::simulation
