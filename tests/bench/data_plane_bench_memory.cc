#include "tests/bench/data_plane_bench_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/optimizer/optimizer.h"
#include "common/simd.h"
#include "common/vector_ops.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr size_t kBytes = size_t{64} << 20;
constexpr int64_t kBlock = int64_t{1} << 20;  // elements, as a server's blocks

// Memory in huge pages where the system grants them.
class Vector {
 public:
  Vector(int64_t elements, float value)
      : bytes_(static_cast<size_t>(elements) * sizeof(float)) {
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    PCHECK(memory != MAP_FAILED);
    madvise(memory, bytes_, MADV_HUGEPAGE);
    data_ = static_cast<float*>(memory);
    std::fill_n(data_, elements, value);
  }
  Vector(const Vector&) = delete;
  ~Vector() { munmap(data_, bytes_); }
  float* data() const { return data_; }

 private:
  size_t bytes_;
  float* data_ = nullptr;
};

struct Vectors {
  explicit Vectors(int64_t elements)
      : n(elements),
        theta(elements, 1),
        next(elements, 1),
        gradient(elements, 0.25f),
        first(elements, 0.5f),
        second(elements, 0.5f) {}
  int64_t n;
  Vector theta, next, gradient, first, second;
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

// Into another buffer, as a server does.
void AdamPass(const Vectors& v) {
  for (int64_t i = 0; i < v.n; i += kBlock) {
    const int64_t n = std::min(kBlock, v.n - i);
    float* state[] = {v.first.data() + i, v.second.data() + i};
    Adam().Apply({7, 1e-3, 0.5f}, v.theta.data() + i, v.gradient.data() + i, n,
                 v.next.data() + i, absl::MakeSpan(state));
  }
}

using Pass = void (*)(const Vectors&);

Work RunPass(double seconds, const std::vector<std::unique_ptr<Vectors>>& parts,
             Pass pass) {
  const double cpu_before = ProcessSeconds();
  const double before = MonotonicSeconds();
  std::vector<int> passes(parts.size(), 0);
  const auto run = [&](size_t part) {
    while (MonotonicSeconds() - before < seconds) {
      pass(*parts[part]);
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

std::vector<Row> MemoryRows() {
  struct Named {
    const char* name;
    Pass pass;
    std::vector<std::string> anchors;
  };
  const std::vector<Named> passes = {
      {"memory a += b",
       [](const Vectors& v) {
         LeastAdd(v.next.data(), v.gradient.data(), v.n);
       },
       {}},
      {"server add",
       [](const Vectors& v) { AddInto(v.next.data(), v.gradient.data(), v.n); },
       {"memory a += b"}},
      {"server norm",
       [](const Vectors& v) {
         CHECK_GE(SquaredNorm(v.gradient.data(), v.n), 0);
       },
       {}},
      {"memory 4 read 3 written",
       [](const Vectors& v) {
         LeastOfFour(v.next.data(), v.first.data(), v.second.data(),
                     v.gradient.data(), v.n);
       },
       {}},
      {"server Adam", AdamPass, {"memory 4 read 3 written"}},
  };
  std::vector<Row> rows;
  for (const int threads : {1, 2}) {
    auto parts = std::make_shared<std::vector<std::unique_ptr<Vectors>>>();
    for (int t = 0; t < threads; ++t) {
      parts->push_back(std::make_unique<Vectors>(
          static_cast<int64_t>(kBytes / sizeof(float)) / threads));
    }
    const char* suffix = threads == 1 ? ", 1 thread" : ", 2 threads";
    for (const Named& named : passes) {
      Row row;
      row.name = absl::StrCat(named.name, suffix);
      row.measure = [parts, pass = named.pass](double seconds) {
        return RunPass(seconds, *parts, pass);
      };
      for (const std::string& anchor : named.anchors) {
        row.anchors.push_back(absl::StrCat(anchor, suffix));
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace hawser
