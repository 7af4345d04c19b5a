"""Local stand-ins for what Bazel 4 would otherwise download.

Bazel's built-in rules load rules_cc and rules_java and name
remote_coverage_tools. Debian's Bazel ships a rules_java; the other two need so
little that it is written here.
"""

_CC_RULES = [
    "cc_binary",
    "cc_import",
    "cc_library",
    "cc_proto_library",
    "cc_test",
    "cc_toolchain",
    "cc_toolchain_suite",
    "objc_import",
    "objc_library",
]

_COVERAGE_BUILD = """
package(default_visibility = ["//visibility:public"])
filegroup(name = "coverage_report_generator")
filegroup(name = "lcov_merger")
"""

def _stub_repository_impl(repository_ctx):
    repository_ctx.file("WORKSPACE", "")
    for path, content in repository_ctx.attr.files.items():
        repository_ctx.file(path, content)

_stub_repository = repository_rule(
    implementation = _stub_repository_impl,
    attrs = {"files": attr.string_dict(doc = "Path to content.")},
)

def bazel4_repositories():
    """Defines the stand-ins under Bazel 4; a newer Bazel keeps its own."""

    # Debian's build of Bazel 4.2.3 reports an empty version.
    version = native.bazel_version
    if version and not version.startswith("4."):
        return
    _stub_repository(
        name = "rules_cc",
        files = {
            "BUILD": "",
            "cc/BUILD": "",
            "cc/defs.bzl": "".join([
                "%s = native.%s\n" % (rule, rule)
                for rule in _CC_RULES
            ]),
        },
    )
    _stub_repository(
        name = "remote_coverage_tools",
        files = {"BUILD": _COVERAGE_BUILD},
    )
    native.local_repository(
        name = "rules_java",
        path = "/usr/share/bazel/rules/java",
    )
