#include "tests/bench/data_plane_bench_memory.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/optimizer/optimizer.h"
#include "common/simd.h"
#include "common/vector_ops.h"
#include "glog/logging.h"
#include "server/float_buffer.h"
#include "server/update_pass.h"

namespace hawser {
namespace {

constexpr size_t kBytes = size_t{64} << 20;

// A vector in blocks, as a server has it.
class Vector {
 public:
  Vector(int64_t elements, int64_t block, float value) {
    for (int64_t i = 0; i < elements; i += block) {
      blocks_.push_back(
          std::make_shared<FloatBuffer>(std::min(block, elements - i)));
      std::fill_n(blocks_.back()->data(), blocks_.back()->elements(), value);
    }
  }
  size_t blocks() const { return blocks_.size(); }
  const std::shared_ptr<FloatBuffer>& operator[](size_t i) const {
    return blocks_[i];
  }

 private:
  std::vector<std::shared_ptr<FloatBuffer>> blocks_;
};

struct Vectors {
  Vectors(int64_t elements, int64_t block)
      : theta(elements, block, 1),
        gradient(elements, block, 0.25f),
        first(elements, block, 0.5f),
        second(elements, block, 0.5f) {}
  Vector theta, gradient, first, second;
};

HAWSER_SIMD
void LeastAdd(float* __restrict a, const float* __restrict b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) a[i] += b[i];
}

// Four vectors read and three of them written, as Adam in place.
HAWSER_SIMD
void LeastOfFour(float* __restrict a, float* __restrict b, float* __restrict c,
                 const float* __restrict d, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    a[i] += d[i];
    b[i] += d[i];
    c[i] += d[i];
  }
}

const Optimizer& Adam() {
  static const Optimizer& adam = *[] {
    OptimizerSpec spec;
    spec.mutable_adam()->set_beta1(0.9);
    spec.mutable_adam()->set_beta2(0.999);
    spec.mutable_adam()->set_epsilon(1e-8);
    return MakeOptimizer(spec)->release();
  }();
  return adam;
}

// Over block `b`.
using Pass = void (*)(const Vectors&, size_t b);

Work RunPass(double seconds, const std::vector<std::unique_ptr<Vectors>>& parts,
             Pass pass) {
  const double cpu_before = ProcessSeconds();
  const double before = MonotonicSeconds();
  std::vector<int> passes(parts.size(), 0);
  const auto run = [&](size_t part) {
    while (MonotonicSeconds() - before < seconds) {
      for (size_t b = 0; b < parts[part]->theta.blocks(); ++b) {
        pass(*parts[part], b);
      }
      ++passes[part];
    }
  };
  std::vector<std::thread> others;
  for (size_t part = 1; part < parts.size(); ++part) {
    others.emplace_back(run, part);
  }
  run(0);
  for (std::thread& thread : others) thread.join();
  Work work;
  work.seconds = MonotonicSeconds() - before;
  work.cpu_seconds = ProcessSeconds() - cpu_before;
  for (const int n : passes) work.operations += n;
  work.bytes = static_cast<double>(kBytes) / static_cast<double>(parts.size()) *
               work.operations;
  return work;
}

}  // namespace

std::vector<Row> MemoryRows(int64_t block_elements) {
  struct Named {
    const char* name;
    Pass pass;
    std::vector<std::string> anchors;
  };
  const std::vector<Named> passes = {
      {"memory a += b",
       [](const Vectors& v, size_t b) {
         LeastAdd(v.theta[b]->data(), v.gradient[b]->data(),
                  v.theta[b]->elements());
       },
       {}},
      {"server add",
       [](const Vectors& v, size_t b) {
         AddInto(v.theta[b]->data(), v.gradient[b]->data(),
                 v.theta[b]->elements());
       },
       {"memory a += b"}},
      {"server norm",
       [](const Vectors& v, size_t b) {
         CHECK_GE(SquaredNorm(v.theta[b]->data(), v.theta[b]->elements()), 0);
       },
       {}},
      {"memory 4 read 3 written",
       [](const Vectors& v, size_t b) {
         LeastOfFour(v.gradient[b]->data(), v.first[b]->data(),
                     v.second[b]->data(), v.theta[b]->data(),
                     v.theta[b]->elements());
       },
       {}},
      {"server Adam",
       [](const Vectors& v, size_t b) {
         float* state[] = {v.first[b]->data(), v.second[b]->data()};
         Adam().Apply({7, 1e-3, 0.5f}, v.theta[b]->data(),
                      v.gradient[b]->data(), v.theta[b]->elements(),
                      v.gradient[b]->data(), absl::MakeSpan(state));
       },
       {"memory 4 read 3 written"}},
      {"server Adam, checksum",
       [](const Vectors& v, size_t b) {
         v.theta[b]->Checksum();  // asked for: the next one is taken, too
         const UpdatePass::State state = {v.first[b], v.second[b]};
         UpdatePass(&Adam(), {7, 1e-3, 0.5f}, v.theta[b].get(), &state,
                    v.gradient[b].get())
             .Run(*v.gradient[b]);
       },
       {"memory 4 read 3 written"}},
  };
  std::vector<Row> rows;
  for (const int threads : {1, 2}) {
    auto parts = std::make_shared<std::vector<std::unique_ptr<Vectors>>>();
    const char* suffix = threads == 1 ? ", 1 thread" : ", 2 threads";
    for (const Named& named : passes) {
      Row row;
      row.name = absl::StrCat(named.name, suffix);
      row.measure = [parts, threads, block_elements,
                     pass = named.pass](double seconds) {
        while (parts->size() < static_cast<size_t>(threads)) {
          parts->push_back(std::make_unique<Vectors>(
              static_cast<int64_t>(kBytes / sizeof(float)) / threads,
              block_elements));
        }
        return RunPass(seconds, *parts, pass);
      };
      for (const std::string& anchor : named.anchors) {
        row.anchors.push_back({absl::StrCat(anchor, suffix)});
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace hawser
