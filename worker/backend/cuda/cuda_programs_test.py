"""What is built with and without CUDA starts on a machine without a GPU, and
says what is missing and what to do.

With --config=cuda this compiles and links everything that uses a GPU:

    bazel test --config=cuda //worker/backend/cuda:cuda_programs_test
"""

import os
import re
import subprocess
import unittest

from tests.integration.case_report import main

WITHOUT_CUDA = "built without CUDA"
# No driver; an old one; no GPU; or, where there are GPUs, not so many.
NO_SUCH_GPU = ("no NVIDIA driver", "the NVIDIA driver is of", "finds no GPU",
               "there is no GPU 4096")
SECONDS = 60
# third_party/cuda_library.bzl
ARCHITECTURES = {b"sm_75", b"sm_80", b"sm_86", b"sm_89", b"sm_90"}


class CudaProgramsTest(unittest.TestCase):

    def expect_clear_error(self, program, *arguments):
        done = subprocess.run(
            [os.path.join(os.getcwd(), program), *arguments], check=False,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=SECONDS)
        self.assertEqual(done.returncode, 1, done.stdout)
        line = done.stdout.strip().splitlines()[-1]
        if WITHOUT_CUDA in line:
            self.assertIn("--config=cuda", line)
        else:
            self.assertTrue(any(cause in line for cause in NO_SUCH_GPU), line)
        self.assertNotIn("*** Check failure", done.stdout)
        return line

    def test_the_worker(self):
        worker = "worker/hawser-worker"
        line = self.expect_clear_error(worker, "--device", "cuda:4096")
        with open(worker, "rb") as file:
            found = set(re.findall(rb"sm_\d+", file.read()))
        self.assertEqual(found, set() if WITHOUT_CUDA in line
                         else ARCHITECTURES)

    def test_the_bench(self):
        self.expect_clear_error("tests/bench/gpu/gpu", "--device", "cuda:4096")


if __name__ == "__main__":
    main()
