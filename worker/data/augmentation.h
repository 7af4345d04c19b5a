// Image augmentation: a random affine map (shift, rotation, scale) and an
// elastic distortion (Simard, Steinkraus and Platt, 2003: random displacements
// smoothed by a Gaussian), applied by bilinear interpolation with zeros
// outside. A function of (seed, epoch, position) alone.
#ifndef HAWSER_WORKER_DATA_AUGMENTATION_H_
#define HAWSER_WORKER_DATA_AUGMENTATION_H_

#include <cstdint>

#include "proto/job.pb.h"

namespace hawser {

// True if the spec changes nothing.
bool IsNeutral(const AugmentationSpec& spec);

// Replaces the image [height, width] by its augmented self.
void Augment(const AugmentationSpec& spec, uint64_t seed, uint64_t epoch,
             uint64_t position, int64_t height, int64_t width, float* image);

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_AUGMENTATION_H_
