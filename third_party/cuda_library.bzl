"""Objects that nvcc compiles.

Kernels are named x.cu.cc: C++ to the host's compiler, which compiles them for
the emulation of tests/cuda_emulation, and CUDA to nvcc.
"""

# Turing to Hopper, and PTX for what comes after. CUDA 13 has no sm_70 (Volta)
# any more.
_ARCHITECTURES = ["75", "80", "86", "89", "90"]

def cuda_objects(name, srcs, hdrs):
    """Compiles each of srcs for all architectures; name is a filegroup of them.

    Only a build with --config=cuda may ask for it. Warnings are errors, and a
    kernel that spills registers is a warning.

    Args:
      name: of the objects together.
      srcs: files x.cu.cc.
      hdrs: all headers that they include.
    """
    codes = " ".join([
        "-gencode arch=compute_%s,code=sm_%s" % (a, a)
        for a in _ARCHITECTURES
    ] + ["-gencode arch=compute_90,code=compute_90"])
    objects = []
    for src in srcs:
        object = src.replace(".cu.cc", ".cu.o")
        objects.append(object)
        native.genrule(
            name = name + "_" + object,
            srcs = [src] + hdrs,
            outs = [object],
            cmd = "$(location @cuda//:nvcc.sh) -x cu -std=c++20 -O3 -I. " +
                  "-Werror all-warnings -Xptxas -warn-spills,-Werror " +
                  "-Xcompiler -Wall,-Wextra,-Werror " +
                  codes + " -c $(location %s) -o $@" % src,
            tags = ["manual"],
            tools = ["@cuda//:nvcc.sh"],
        )
    native.filegroup(
        name = name,
        srcs = objects,
        tags = ["manual"],
    )
