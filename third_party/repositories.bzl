"""The external repositories of the workspace, all of them local."""

load("//third_party:bazel4.bzl", "bazel4_repositories")
load("//third_party:cuda.bzl", "cuda_repository")
load("//third_party:system.bzl", "system_repository")

def hawser_repositories():
    """Defines @system and @cuda, and what Debian's Bazel 4 lacks."""
    bazel4_repositories()
    system_repository(name = "system")
    cuda_repository(name = "cuda")
