#!/usr/bin/env python3
"""What each kernel needs of a GPU: registers, spills and stack of a thread.

    worker/backend/cuda/kernel_resources.py [--arch=90] [FILE...]

Compiles the kernels (default: all) with nvcc of CUDA_HOME, /usr/local/cuda or
the PATH. Exits with 1 if a kernel spills registers or the compiler warns. Their
shared memory is dynamic: it is in docs/gpu.md.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def find_nvcc():
    for home in (os.environ.get("CUDA_HOME"), "/usr/local/cuda"):
        if home and os.path.exists(f"{home}/bin/nvcc"):
            return f"{home}/bin/nvcc"
    return shutil.which("nvcc")


def compile_kernels(nvcc, source, arch, target):
    """What nvcc says of a file. CalledProcessError: it does not compile."""
    return subprocess.run(
        [nvcc, "-x", "cu", "-std=c++20", "-O3", f"-arch=sm_{arch}",
         "-I", str(HERE.parents[2]), "-Werror", "all-warnings",
         "-Xcompiler", "-Wall,-Wextra,-Werror", "-Xptxas", "-v", "-c",
         str(source), "-o", target],
        check=True, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT).stdout


def resources(output):
    """[(mangled name, {"registers": n, "spills": bytes, "stack": bytes})]."""
    found, name, frame = [], None, {}
    for line in output.splitlines():
        entry = re.search(r"Compiling entry function '(\w+)'", line)
        spills = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores,"
                           r" (\d+) bytes spill loads", line)
        used = re.search(r"Used (\d+) registers", line)
        if entry:
            name = entry[1]
        elif spills:
            frame = {"stack": int(spills[1]),
                     "spills": int(spills[2]) + int(spills[3])}
        elif used and name:
            found.append((name, {"registers": int(used[1]), **frame}))
            name = None
    return found


def readable(names):
    """Their names without namespaces, arguments and return types."""
    text = subprocess.run(["c++filt"], input="\n".join(names), text=True,
                          stdout=subprocess.PIPE, check=True).stdout
    return [re.sub(r"hawser::cuda::|\(anonymous namespace\)::|^void ", "",
                   re.sub(r"\([^()]*\)$", "", line.replace(
                       "hawser::cuda::(anonymous namespace)::", "")))
            for line in text.splitlines()]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--arch", default="90", help="compute capability")
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    nvcc = find_nvcc()
    if nvcc is None:
        print("there is no nvcc: set CUDA_HOME", file=sys.stderr)
        return 2
    spilled = 0
    print(f"{'registers':>9} {'spills':>6} {'stack':>5}  kernel")
    for source in arguments.files or sorted(HERE.glob("*.cu.cc")):
        try:
            with tempfile.TemporaryDirectory() as directory:
                kernels = resources(compile_kernels(
                    nvcc, source, arguments.arch, f"{directory}/kernels.o"))
        except subprocess.CalledProcessError as error:
            print(error.stdout, file=sys.stderr)
            return 1
        names = readable([name for name, _ in kernels])
        for name, (_, needs) in sorted(zip(names, kernels)):
            spilled += needs["spills"] > 0
            print(f"{needs['registers']:9} {needs['spills']:6} "
                  f"{needs['stack']:5}  {name}")
    return 1 if spilled else 0


if __name__ == "__main__":
    sys.exit(main())
