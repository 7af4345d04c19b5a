"""@system: the libraries that Debian provides, found with pkg-config.

A library is one entry of _LIBRARIES. Everything is looked up when the
repository is fetched; what is missing is reported at once, all of it, with the
Debian packages to install.

    deps = ["@system//:absl", "@system//:glog"]
"""

# Target: (modules of pkg-config, Debian package, flags that pkg-config omits).
_LIBRARIES = {
    # One target for all of Abseil: with --as-needed only the shared libraries
    # that a binary really uses are recorded in it.
    "absl": ([
        "absl_any_invocable",
        "absl_base",
        "absl_bind_front",
        "absl_bits",
        "absl_btree",
        "absl_cleanup",
        "absl_cord",
        "absl_core_headers",
        "absl_debugging",
        "absl_failure_signal_handler",
        "absl_fixed_array",
        "absl_flat_hash_map",
        "absl_flat_hash_set",
        "absl_function_ref",
        "absl_hash",
        "absl_inlined_vector",
        "absl_int128",
        "absl_memory",
        "absl_node_hash_map",
        "absl_node_hash_set",
        "absl_numeric",
        "absl_random_distributions",
        "absl_random_random",
        "absl_span",
        "absl_stacktrace",
        "absl_status",
        "absl_statusor",
        "absl_str_format",
        "absl_strings",
        "absl_symbolize",
        "absl_synchronization",
        "absl_time",
        "absl_type_traits",
        "absl_utility",
    ], "libabsl-dev", []),
    "benchmark": (["benchmark"], "libbenchmark-dev", ["-lpthread"]),
    "cli11": (["CLI11"], "libcli11-dev", []),
    "glog": (["libglog"], "libgoogle-glog-dev", []),
    "grpc++": (["grpc++", "grpc", "gpr"], "libgrpc++-dev", []),
    # No .pc file names the channelz and reflection services.
    "grpc++_channelz": (["grpc++"], "libgrpc++-dev", ["-lgrpcpp_channelz"]),
    "grpc++_reflection": (["grpc++"], "libgrpc++-dev", ["-lgrpc++_reflection"]),
    "gtest": (["gmock", "gtest"], "libgmock-dev libgtest-dev", []),
    "gtest_main": (["gmock_main"], "libgmock-dev libgtest-dev", []),
    "httplib": (["cpp-httplib"], "libcpp-httplib-dev", []),
    "isal": (["libisal"], "libisal-dev", []),
    "json": (["nlohmann_json"], "nlohmann-json3-dev", []),
    "openssl_crypto": (["libcrypto"], "libssl-dev", []),
    "openssl_ssl": (["libssl", "libcrypto"], "libssl-dev", []),
    "prometheus": (["prometheus-cpp-core"], "prometheus-cpp-dev", []),
    "protobuf": (["protobuf"], "libprotobuf-dev", []),
    "sqlite": (["sqlite3"], "libsqlite3-dev", []),
    "yaml_cpp": (["yaml-cpp"], "libyaml-cpp-dev", []),
    "zlib": (["zlib"], "zlib1g-dev", []),
}

# Library without a .pc file: (a header of it, Debian package, link flags).
_PLAIN_LIBRARIES = {
    # It computes with OpenMP; Hawser tells that to keep to the calling thread.
    "dnnl": ("oneapi/dnnl/dnnl.hpp", "libdnnl-dev", ["-ldnnl", "-lgomp"]),
}

# Tool: Debian package. Each becomes the label @system//:<tool>.
_TOOLS = {
    "grpc_cpp_plugin": "protobuf-compiler-grpc",
    "protoc": "protobuf-compiler",
}

_LIBRARY = """
cc_library(
    name = {name},
    hdrs = {hdrs},
    defines = {defines},
    includes = {includes},
    linkopts = {linkopts},
)
"""

def _unique_last(flags):
    """Drops repetitions; the last one stays, as a linker wants it."""
    seen = {}
    kept = []
    for flag in reversed(flags):
        if flag not in seen:
            seen[flag] = True
            kept.append(flag)
    return list(reversed(kept))

def _library(repository_ctx, name, flags):
    """Returns the cc_library for the flags that pkg-config printed."""
    defines = []
    includes = []
    link_flags = []
    for flag in flags:
        if flag == "-DNOMINMAX":  # Means something on Windows only.
            continue
        elif flag.startswith("-D"):
            defines.append(flag[2:])
        elif flag.startswith("-I"):
            # Bazel wants include directories inside the repository.
            include = "include/%s/%d" % (name, len(includes))
            repository_ctx.symlink(flag[2:].rstrip("/"), include)
            includes.append(include)
        elif flag.startswith("-L") or flag.startswith("-l"):
            link_flags.append(flag)
    linkopts = []
    if link_flags:
        linkopts = ["-Wl,--push-state,--as-needed"] + \
                   _unique_last(link_flags) + ["-Wl,--pop-state"]
    globs = ["%s/**/*.h" % include for include in includes]
    return _LIBRARY.format(
        name = repr(name),
        hdrs = "glob(%r)" % globs if globs else "[]",
        defines = repr(defines),
        includes = repr(includes),
        linkopts = repr(linkopts),
    )

def _system_repository_impl(repository_ctx):
    build = ["package(default_visibility = [\"//visibility:public\"])"]
    missing = {}

    for tool, package in _TOOLS.items():
        path = repository_ctx.which(tool)
        if path:
            repository_ctx.symlink(path, tool)
            build.append("exports_files([%r])" % tool)
        else:
            missing[package] = True

    pkg_config = repository_ctx.which("pkg-config")
    if not pkg_config:
        missing["pkg-config"] = True
    for name, (modules, package, more) in _LIBRARIES.items():
        if not pkg_config:
            break
        result = repository_ctx.execute(
            [pkg_config, "--cflags", "--libs"] + modules,
        )
        if result.return_code == 0:
            flags = more + [flag for flag in result.stdout.strip().split(" ") if flag]
            build.append(_library(repository_ctx, name, flags))
        else:
            missing[package] = True

    for name, (header, package, flags) in _PLAIN_LIBRARIES.items():
        if repository_ctx.path("/usr/include/" + header).exists:
            build.append(_library(repository_ctx, name, flags))
        else:
            missing[package] = True

    if missing:
        fail("Hawser needs these Debian packages: %s. " %
             " ".join(missing.keys()) +
             "Run third_party/install_packages --test, or install them.")
    repository_ctx.file("BUILD", "\n".join(build) + "\n")

system_repository = repository_rule(
    implementation = _system_repository_impl,
    # Looked up afresh when the Bazel server starts: packages come and go.
    local = True,
    environ = ["PATH", "PKG_CONFIG_PATH"],
)
