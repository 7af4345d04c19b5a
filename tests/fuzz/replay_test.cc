// Every input that is kept in a fuzzer's corpus, once: what was found stays
// mended. Arguments: the files. Those of a codec's fuzzer lie in a directory
// "codec_" and its name.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/input.h"

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "%s cannot be read\n", argv[i]);
      return 1;
    }
#ifdef HAWSER_FUZZ_CODECS
    const std::string directory =
        std::filesystem::path(argv[i]).parent_path().filename();
    hawser::fuzz::ChooseCodec(directory.substr(std::strlen("codec_")));
#endif
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    std::printf("%s, %zu bytes\n", argv[i], bytes.size());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()),
                           bytes.size());
  }
  std::printf("%d inputs\n", argc - 1);
  return argc > 1 ? 0 : 1;
}
