"""@cuda: the CUDA toolkit, looked up only by a build with --config=cuda.

A target that needs CUDA depends on it behind
`select({"//third_party:cuda": ["@cuda//:cuda"], "//conditions:default": []})`,
so a machine without CUDA never fetches this repository.
"""

_BUILD = """
package(default_visibility = ["//visibility:public"])
exports_files(["nvcc.sh"])
cc_library(
    name = "cuda",
    hdrs = glob(["include/**"]),
    includes = ["include"],
    linkopts = ["-L{home}/lib64", "-Wl,-rpath,{home}/lib64", "-lcudart", "-lcublas"],
)
"""

def _cuda_repository_impl(repository_ctx):
    home = repository_ctx.os.environ.get("CUDA_HOME", "/usr/local/cuda")
    if not repository_ctx.path(home + "/bin/nvcc").exists:
        fail("--config=cuda needs the CUDA toolkit, and there is none in %s. " %
             home + "Set CUDA_HOME, or build without --config=cuda.")
    repository_ctx.symlink(home + "/include", "include")

    # nvcc finds the rest of the toolkit beside itself: no link to it would do.
    repository_ctx.file(
        "nvcc.sh",
        "#!/bin/sh\nexec %s/bin/nvcc \"$@\"\n" % home,
        executable = True,
    )
    repository_ctx.file("BUILD", _BUILD.format(home = home))

cuda_repository = repository_rule(
    implementation = _cuda_repository_impl,
    local = True,
    environ = ["CUDA_HOME"],
)
