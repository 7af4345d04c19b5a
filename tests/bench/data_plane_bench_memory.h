// Rows of the data plane's benchmark that need no network: the passes that a
// server makes over a vector of 64 MiB, beside passes over as many vectors
// that do as little as can be done, on one thread and on two.
//
// "GB/s" counts the gradient's bytes alone.
#ifndef HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_MEMORY_H_
#define HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_MEMORY_H_

#include <cstdint>
#include <vector>

#include "tests/bench/data_plane_bench_figures.h"

namespace hawser {

// block_elements: of the blocks that the vector is cut into.
std::vector<Row> MemoryRows(int64_t block_elements);

}  // namespace hawser

#endif  // HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_MEMORY_H_
