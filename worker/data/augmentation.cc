#include "worker/data/augmentation.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "common/counter_random.h"

namespace hawser {
namespace {

// The first random numbers are the affine map's; the displacement fields start
// after them.
enum AffineNumber : uint64_t { kShiftX, kShiftY, kRotation, kScale, kAffine };

// In [-1, 1).
float Symmetric(const CounterRandom& random, uint64_t index) {
  return 2 * random.Uniform(index) - 1;
}

std::vector<float> GaussianKernel(float sigma) {
  const int radius = static_cast<int>(std::ceil(2.5f * sigma));
  std::vector<float> kernel;
  float sum = 0;
  for (int i = -radius; i <= radius; ++i) {
    kernel.push_back(
        std::exp(-0.5f * static_cast<float>(i * i) / (sigma * sigma)));
    sum += kernel.back();
  }
  for (float& weight : kernel) weight /= sum;
  return kernel;
}

// Convolves along one axis: `stride` apart, `length` long, `lines` of them
// `line_stride` apart. Outside is zero.
void Smooth(const std::vector<float>& kernel, int64_t length, int64_t stride,
            int64_t lines, int64_t line_stride, std::vector<float>* field) {
  const auto radius = static_cast<int64_t>(kernel.size() / 2);
  std::vector<float> line(static_cast<size_t>(length));
  for (int64_t l = 0; l < lines; ++l) {
    float* start = field->data() + l * line_stride;
    for (int64_t i = 0; i < length; ++i) {
      float sum = 0;
      const int64_t first = std::max<int64_t>(0, i - radius);
      const int64_t last = std::min(length - 1, i + radius);
      for (int64_t j = first; j <= last; ++j) {
        sum += kernel[static_cast<size_t>(j - i + radius)] * start[j * stride];
      }
      line[static_cast<size_t>(i)] = sum;
    }
    for (int64_t i = 0; i < length; ++i) {
      start[i * stride] = line[static_cast<size_t>(i)];
    }
  }
}

// A smooth random field whose root mean square is `strength`.
std::vector<float> Displacements(const CounterRandom& random, uint64_t first,
                                 float strength, float sigma, int64_t height,
                                 int64_t width) {
  std::vector<float> field(static_cast<size_t>(height * width));
  for (size_t i = 0; i < field.size(); ++i) {
    field[i] = Symmetric(random, first + i);
  }
  const std::vector<float> kernel = GaussianKernel(sigma);
  Smooth(kernel, width, 1, height, width, &field);
  Smooth(kernel, height, width, width, 1, &field);
  float square = 0;
  for (const float value : field) square += value * value;
  const float rms = std::sqrt(square / static_cast<float>(field.size()));
  if (rms > 0) {
    for (float& value : field) value *= strength / rms;
  }
  return field;
}

float Pixel(const std::vector<float>& image, int64_t height, int64_t width,
            int64_t y, int64_t x) {
  if (y < 0 || y >= height || x < 0 || x >= width) return 0;
  return image[static_cast<size_t>(y * width + x)];
}

float Bilinear(const std::vector<float>& image, int64_t height, int64_t width,
               float y, float x) {
  const float floor_y = std::floor(y), floor_x = std::floor(x);
  const auto y0 = static_cast<int64_t>(floor_y);
  const auto x0 = static_cast<int64_t>(floor_x);
  const float fy = y - floor_y, fx = x - floor_x;
  const float top = Pixel(image, height, width, y0, x0) * (1 - fx) +
                    Pixel(image, height, width, y0, x0 + 1) * fx;
  const float bottom = Pixel(image, height, width, y0 + 1, x0) * (1 - fx) +
                       Pixel(image, height, width, y0 + 1, x0 + 1) * fx;
  return top * (1 - fy) + bottom * fy;
}

}  // namespace

bool IsNeutral(const AugmentationSpec& spec) {
  return spec.shift_pixels() == 0 && spec.rotation_degrees() == 0 &&
         spec.scale() == 0 && spec.elastic_strength_pixels() == 0;
}

void Augment(const AugmentationSpec& spec, uint64_t seed, uint64_t epoch,
             uint64_t position, int64_t height, int64_t width, float* image) {
  const CounterRandom random(seed, RandomPurpose::kAugmentation, epoch,
                             position);
  const auto shift = static_cast<float>(spec.shift_pixels());
  const float shift_x = shift * Symmetric(random, kShiftX);
  const float shift_y = shift * Symmetric(random, kShiftY);
  const float angle = static_cast<float>(spec.rotation_degrees()) *
                      std::numbers::pi_v<float> / 180.0f *
                      Symmetric(random, kRotation);
  const float scale =
      1 + static_cast<float>(spec.scale()) * Symmetric(random, kScale);
  // From where each pixel of the result comes.
  const float cosine = std::cos(angle) / scale, sine = std::sin(angle) / scale;

  std::vector<float> across, down;
  if (spec.elastic_strength_pixels() > 0) {
    const auto strength = static_cast<float>(spec.elastic_strength_pixels());
    const auto sigma = static_cast<float>(spec.elastic_sigma_pixels());
    across = Displacements(random, kAffine, strength, sigma, height, width);
    down =
        Displacements(random, kAffine + static_cast<uint64_t>(height * width),
                      strength, sigma, height, width);
  }
  const std::vector<float> before(image, image + height * width);
  const float centre_y = static_cast<float>(height - 1) / 2;
  const float centre_x = static_cast<float>(width - 1) / 2;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const auto i = static_cast<size_t>(y * width + x);
      float from_y = static_cast<float>(y) - centre_y - shift_y;
      float from_x = static_cast<float>(x) - centre_x - shift_x;
      const float rotated_y = sine * from_x + cosine * from_y + centre_y;
      const float rotated_x = cosine * from_x - sine * from_y + centre_x;
      from_y = rotated_y + (down.empty() ? 0 : down[i]);
      from_x = rotated_x + (across.empty() ? 0 : across[i]);
      image[i] = Bilinear(before, height, width, from_y, from_x);
    }
  }
}

}  // namespace hawser
