// The product of a row with a transposed matrix on the CPU: as fast as the
// matrix can be read, where kernels for many rows are not.
#ifndef HAWSER_WORKER_BACKEND_CPU_ROW_PRODUCT_H_
#define HAWSER_WORKER_BACKEND_CPU_ROW_PRODUCT_H_

#include "worker/backend/lane.h"

namespace hawser {

// Whether CpuMultiplyRow does this product.
bool IsRowProduct(const Product& product, ConstMatrix a, Matrix c);

// See Lane::Multiply.
void CpuMultiplyRow(const Product& product, ConstMatrix a, ConstMatrix b,
                    Matrix c);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_ROW_PRODUCT_H_
