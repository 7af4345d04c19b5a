"""The emulation's CUDA looks to a compiler as NVIDIA's does."""

import pathlib
import subprocess
import unittest

from tests.integration.case_report import main
from worker.backend.cuda import kernel_resources

NVCC = kernel_resources.find_nvcc()
SOURCE = "tests/cuda_emulation/cuda_api.cc"


def errors(*options, source=None):
    """What g++ says of it; empty: nothing."""
    text = source or pathlib.Path(SOURCE).read_text(encoding="utf-8")
    done = subprocess.run(
        ["g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
         *options, "-x", "c++", "-"],
        input=text, check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    return done.stdout if done.returncode != 0 else ""


@unittest.skipIf(NVCC is None, "there is no CUDA toolkit on this machine")
class CudaApiTest(unittest.TestCase):

    def setUp(self):
        home = pathlib.Path(NVCC).resolve().parents[1]
        self.include = f"-I{home}/include"

    def test_functions_and_values_are_nvidias(self):
        self.assertEqual(errors(self.include), "")

    def test_another_signature_would_show(self):
        source = pathlib.Path(SOURCE).read_text(encoding="utf-8")
        for old, new in [("cudaError_t (*)(void**, size_t)",
                          "cudaError_t (*)(void**, unsigned)"),
                         ("CUBLAS_OP_T == 1", "CUBLAS_OP_T == 2")]:
            self.assertIn(old, source)
            self.assertNotEqual(
                errors(self.include, source=source.replace(old, new)), "")


if __name__ == "__main__":
    main()
