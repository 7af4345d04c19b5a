#include "worker/backend/cpu/matrix_products.h"

#include <omp.h>

#include <array>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "glog/logging.h"
#include "oneapi/dnnl/dnnl.hpp"
#include "worker/backend/cpu/tile_product.h"
#include "worker/backend/cpu/transpose.h"

namespace hawser {
namespace {

// More shapes than any model has; beyond, all are prepared anew.
constexpr size_t kMaxShapes = 4096;

using Shape = std::array<int64_t, 12>;

dnnl::memory::data_type TypeOf(Element element) {
  return element == Element::kFloat32 ? dnnl::memory::data_type::f32
                                      : dnnl::memory::data_type::bf16;
}

// A matrix as a product reads it: [rows, columns] after transposition.
dnnl::memory::desc Describe(ConstMatrix x, bool transposed) {
  const dnnl::memory::dims stored{x.rows(), x.columns()};
  if (!transposed) {
    return {stored, TypeOf(x.element()), dnnl::memory::dims{x.stride(), 1}};
  }
  return {dnnl::memory::dims{x.columns(), x.rows()}, TypeOf(x.element()),
          dnnl::memory::dims{1, x.stride()}};
}

Shape ShapeOf(const Product& product, ConstMatrix a, ConstMatrix b, Matrix c) {
  const int64_t flags =
      (product.transpose_a ? 1 : 0) | (product.transpose_b ? 2 : 0) |
      (product.accumulate ? 4 : 0) | (product.bias != nullptr ? 8 : 0);
  return {a.rows(),
          a.columns(),
          a.stride(),
          b.rows(),
          b.columns(),
          b.stride(),
          c.rows(),
          c.columns(),
          c.stride(),
          static_cast<int64_t>(a.element()),
          static_cast<int64_t>(c.element()),
          flags};
}

void CheckShape(const Product& product, ConstMatrix a, ConstMatrix b,
                Matrix c) {
  const int64_t m = product.transpose_a ? a.columns() : a.rows();
  const int64_t k = product.transpose_a ? a.rows() : a.columns();
  CHECK_EQ(m, c.rows());
  CHECK_EQ(k, product.transpose_b ? b.columns() : b.rows());
  CHECK_EQ(product.transpose_b ? b.rows() : b.columns(), c.columns());
  CHECK(a.element() == b.element());
  CHECK(!product.accumulate || c.element() == Element::kFloat32);
}

// c = bias, or 0: a product over nothing.
void FillWithoutProducts(const Product& product, Matrix c) {
  if (product.accumulate) return;
  CHECK(product.bias == nullptr);
  for (int64_t r = 0; r < c.rows(); ++r) {
    std::memset(static_cast<std::byte*>(c.data()) +
                    r * c.stride() * BytesOf(c.element()),
                0, static_cast<size_t>(c.columns() * BytesOf(c.element())));
  }
}

// Whether MultiplyTile does it.
bool IsTile(const Product& product, ConstMatrix a, Matrix c) {
  return a.element() == Element::kFloat32 && product.bias == nullptr &&
         a.rows() <= kTileProductSize && a.columns() <= kTileProductSize &&
         c.rows() <= kTileProductSize && c.columns() <= kTileProductSize;
}

}  // namespace

bool CpuHasBfloat16() {
  return dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core_bf16;
}

void KeepProductsToThisThread() { omp_set_num_threads(1); }

struct MatrixProducts::Shapes {
  // A product of one shape. The memory objects' addresses are set anew for
  // every product.
  struct Prepared {
    dnnl::matmul primitive;
    dnnl::memory a, b, c, bias;
    std::unordered_map<int, dnnl::memory> arguments;
  };

  Prepared Prepare(const Product& product, ConstMatrix a, ConstMatrix b,
                   Matrix c) {
    const dnnl::memory::desc a_desc = Describe(a, product.transpose_a);
    const dnnl::memory::desc b_desc = Describe(b, product.transpose_b);
    const dnnl::memory::desc c_desc = Describe(c, false);
    const dnnl::memory::desc bias_desc({1, c.columns()},
                                       dnnl::memory::data_type::f32,
                                       dnnl::memory::format_tag::ab);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (product.accumulate) {
      dnnl::post_ops after;
      after.append_sum(1.0f);
      attributes.set_post_ops(after);
    }
    const dnnl::matmul::desc description =
        product.bias != nullptr
            ? dnnl::matmul::desc(a_desc, b_desc, bias_desc, c_desc)
            : dnnl::matmul::desc(a_desc, b_desc, c_desc);
    const dnnl::matmul::primitive_desc chosen(description, attributes, engine);
    Prepared prepared;
    prepared.primitive = dnnl::matmul(chosen);
    prepared.a = dnnl::memory(a_desc, engine, DNNL_MEMORY_NONE);
    prepared.b = dnnl::memory(b_desc, engine, DNNL_MEMORY_NONE);
    prepared.c = dnnl::memory(c_desc, engine, DNNL_MEMORY_NONE);
    prepared.arguments = {
        {DNNL_ARG_SRC, prepared.a},
        {DNNL_ARG_WEIGHTS, prepared.b},
        {DNNL_ARG_DST, prepared.c},
        {DNNL_ARG_SCRATCHPAD, dnnl::memory(chosen.scratchpad_desc(), engine)}};
    if (product.bias != nullptr) {
      prepared.bias = dnnl::memory(bias_desc, engine, DNNL_MEMORY_NONE);
      prepared.arguments.emplace(DNNL_ARG_BIAS, prepared.bias);
    }
    return prepared;
  }

  // b, transposed if it must be.
  ConstMatrix TileOperand(bool transposed, ConstMatrix b) {
    if (!transposed) return b;
    const Matrix turned(transposed_tile, b.columns(), b.rows(),
                        SpreadStride(b.rows(), Element::kFloat32),
                        Element::kFloat32);
    CpuTranspose(b, turned);
    return turned;
  }

  const bool has_tiles = CpuHasTileProducts();
  alignas(64) float transposed_tile[kTileProductSize *
                                    SpreadStride(kTileProductSize,
                                                 Element::kFloat32)];

  const dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  absl::flat_hash_map<Shape, std::unique_ptr<Prepared>> prepared;
};

MatrixProducts::MatrixProducts() : shapes_(std::make_unique<Shapes>()) {}
MatrixProducts::~MatrixProducts() = default;

void MatrixProducts::Multiply(const Product& product, ConstMatrix a,
                              ConstMatrix b, Matrix c) {
  CheckShape(product, a, b, c);
  if (c.rows() == 0 || c.columns() == 0) return;
  if (a.rows() == 0 || a.columns() == 0) {
    FillWithoutProducts(product, c);
    return;
  }
  if (shapes_->has_tiles && IsTile(product, a, c)) {
    MultiplyTile(product.transpose_a, product.accumulate, a,
                 shapes_->TileOperand(product.transpose_b, b), c);
    return;
  }
  if (shapes_->prepared.size() > kMaxShapes) shapes_->prepared.clear();
  std::unique_ptr<Shapes::Prepared>& prepared =
      shapes_->prepared[ShapeOf(product, a, b, c)];
  if (prepared == nullptr) {
    prepared =
        std::make_unique<Shapes::Prepared>(shapes_->Prepare(product, a, b, c));
  }
  // oneDNN takes what it only reads by the same pointers as what it writes.
  prepared->a.set_data_handle(const_cast<void*>(a.data()));
  prepared->b.set_data_handle(const_cast<void*>(b.data()));
  prepared->c.set_data_handle(c.data());
  if (product.bias != nullptr) {
    prepared->bias.set_data_handle(const_cast<float*>(product.bias));
  }
  prepared->primitive.execute(shapes_->stream, prepared->arguments);
}

}  // namespace hawser
