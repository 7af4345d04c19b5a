// Products of matrices on the calling thread, by oneDNN, which chooses the best
// kernel for the CPU at run time; those of small matrices in float32 by
// tile_product.h, where the CPU has what it needs. The bits of a product depend
// on its shape, on the kind of CPU and on nothing else.
//
// Keeps what it prepared for each shape: no allocation from the second product
// of a shape on. Not thread-safe; each thread has its own.
#ifndef HAWSER_WORKER_BACKEND_CPU_MATRIX_PRODUCTS_H_
#define HAWSER_WORKER_BACKEND_CPU_MATRIX_PRODUCTS_H_

#include <memory>

#include "worker/backend/lane.h"
#include "worker/backend/matrix.h"

namespace hawser {

// True if the CPU multiplies bfloat16 in hardware.
bool CpuHasBfloat16();

class MatrixProducts {
 public:
  MatrixProducts();
  ~MatrixProducts();

  // See Lane::Multiply.
  void Multiply(const Product& product, ConstMatrix a, ConstMatrix b, Matrix c);

 private:
  struct Shapes;
  const std::unique_ptr<Shapes> shapes_;
};

// Keeps oneDNN to the calling thread. Once in each thread that multiplies.
void KeepProductsToThisThread();

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_MATRIX_PRODUCTS_H_
