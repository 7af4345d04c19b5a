// SHA-256 in pieces.
#ifndef HAWSER_COMMON_SHA256_H_
#define HAWSER_COMMON_SHA256_H_

#include <cstddef>
#include <memory>
#include <string>

struct evp_md_ctx_st;

namespace hawser {

class Sha256 {
 public:
  Sha256();
  ~Sha256();

  void Update(const void* data, size_t bytes);
  // 64 lower-case hexadecimal digits. Called once, last.
  std::string Hex();

 private:
  evp_md_ctx_st* context_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SHA256_H_
