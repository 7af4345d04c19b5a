// Products of float32 matrices that fit the caches next to the core, as tiles
// of attention are: read where they lie, where oneDNN copies both operands
// first and takes half as long again. On the calling thread, with AVX-512.
//
// Thread-safe.
#ifndef HAWSER_WORKER_BACKEND_CPU_TILE_PRODUCT_H_
#define HAWSER_WORKER_BACKEND_CPU_TILE_PRODUCT_H_

#include "worker/backend/lane.h"
#include "worker/backend/matrix.h"

namespace hawser {

// Most rows, columns and terms of a sum that these products are good for.
constexpr int64_t kTileProductSize = 128;

// True if the CPU, as oneDNN is told to see it, has AVX-512.
bool CpuHasTileProducts();

// See Lane::Multiply; b as [k, n], no bias.
void MultiplyTile(bool transpose_a, bool accumulate, ConstMatrix a,
                  ConstMatrix b, Matrix c);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_TILE_PRODUCT_H_
