"""Libraries from .proto files, with the system's protoc.

Paths start at the repository's root, in `import "proto/job.proto"` as in
`#include "proto/job.pb.h"`. Example, proto/BUILD:

    load("//third_party:proto.bzl", "hawser_grpc_library", "hawser_proto_library")

    hawser_proto_library(
        name = "job",
        srcs = ["job.proto"],
    )

    hawser_grpc_library(
        name = "scheduler",
        srcs = ["scheduler.proto"],
        deps = [":job"],
    )

This gives `:job` (proto/job.pb.h), `:scheduler` (the messages only,
proto/scheduler.pb.h) and `:scheduler_grpc` (proto/scheduler.grpc.pb.h), which
only grpc_* files may use. Each also has `:<name>_descriptors`, a
FileDescriptorSet of the files and all they import.
"""

_ProtoSources = provider(
    doc = "The .proto files of a library.",
    fields = {"transitive": "Depset of its files and of those they import."},
)

def _proto_descriptors_impl(ctx):
    sources = depset(
        ctx.files.srcs,
        transitive = [dep[_ProtoSources].transitive for dep in ctx.attr.deps],
    )
    output = ctx.actions.declare_file(ctx.label.name + ".pb")
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = ["-I.", "-I/usr/include", "--include_imports"] +
                    ["--descriptor_set_out=" + output.path] +
                    [source.path for source in ctx.files.srcs],
        inputs = sources,
        outputs = [output],
        mnemonic = "ProtoDescriptors",
    )
    return [
        DefaultInfo(files = depset([output])),
        _ProtoSources(transitive = sources),
    ]

_PROTOC = attr.label(
    default = "@system//:protoc",
    allow_single_file = True,
    executable = True,
    cfg = "exec",
)

_proto_descriptors = rule(
    implementation = _proto_descriptors_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".proto"]),
        "deps": attr.label_list(providers = [_ProtoSources]),
        "_protoc": _PROTOC,
    },
)

def _proto_code_impl(ctx):
    arguments = ["-I.", "-I/usr/include"]
    if ctx.attr.grpc:
        arguments.append("--plugin=protoc-gen-grpc=" + ctx.executable._grpc.path)
        arguments.append("--grpc_out=" + ctx.bin_dir.path)
    else:
        arguments.append("--cpp_out=" + ctx.bin_dir.path)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = arguments + [source.path for source in ctx.files.srcs],
        inputs = ctx.attr.descriptors[_ProtoSources].transitive,
        tools = [ctx.executable._grpc],
        outputs = ctx.outputs.outs,
        mnemonic = "ProtoCode",
    )
    return [DefaultInfo(files = depset(ctx.outputs.outs))]

_proto_code = rule(
    implementation = _proto_code_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".proto"]),
        "descriptors": attr.label(providers = [_ProtoSources]),
        "grpc": attr.bool(),
        "outs": attr.output_list(),
        "_protoc": _PROTOC,
        "_grpc": attr.label(
            default = "@system//:grpc_cpp_plugin",
            allow_single_file = True,
            executable = True,
            cfg = "exec",
        ),
    },
)

def _cc_library(name, srcs, descriptors, grpc, deps, visibility):
    """Compiles what protoc writes for `srcs`."""
    suffix = ".grpc.pb" if grpc else ".pb"
    stems = [src[:-len(".proto")] + suffix for src in srcs]
    headers = [stem + ".h" for stem in stems]
    sources = [stem + ".cc" for stem in stems]
    _proto_code(
        name = name + "_code",
        srcs = srcs,
        descriptors = descriptors,
        grpc = grpc,
        outs = headers + sources,
        visibility = ["//visibility:private"],
    )
    native.cc_library(
        name = name,
        srcs = sources,
        hdrs = headers,
        copts = ["-w"],  # Generated code is not ours to keep free of warnings.
        deps = deps,
        visibility = visibility,
    )

def hawser_proto_library(name, srcs, deps = [], visibility = ["//visibility:public"]):
    """Defines cc_library `name`: the messages of the .proto files `srcs`.

    Args:
      name: of the cc_library.
      srcs: .proto files of this package.
      deps: hawser_proto_library or hawser_grpc_library targets, for the files
        that `srcs` import (":job" or "//proto:job", not "//proto").
      visibility: of the cc_library.
    """
    _proto_descriptors(
        name = name + "_descriptors",
        srcs = srcs,
        deps = [dep + "_descriptors" for dep in deps],
        visibility = visibility,
    )
    _cc_library(
        name = name,
        srcs = srcs,
        descriptors = name + "_descriptors",
        grpc = False,
        deps = deps + ["@system//:protobuf"],
        visibility = visibility,
    )

def hawser_grpc_library(name, srcs, deps = [], visibility = ["//visibility:public"]):
    """As hawser_proto_library, and cc_library `name`_grpc: the services."""
    hawser_proto_library(name, srcs, deps, visibility)
    _cc_library(
        name = name + "_grpc",
        srcs = srcs,
        descriptors = name + "_descriptors",
        grpc = True,
        # A service's code includes the messages of every file it imports.
        deps = deps + [":" + name, "@system//:grpc++"],
        visibility = visibility,
    )
