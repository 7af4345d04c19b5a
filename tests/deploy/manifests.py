"""Rendered Kubernetes manifests, read as Kubernetes reads them."""

import os
import re
import subprocess

import yaml

from tests.deploy import container

DIRECTORY = "deploy/kubernetes"
_UNITS = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
          "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


def missing():
    """Why nothing can be rendered here; None if it can."""
    if container.tool("kubectl") is None:
        return "kubectl is not installed (Debian's kubernetes-client)"
    return None


def render(kustomization):
    """The objects of a directory below deploy/kubernetes.

    In the order that kustomize gives them.
    """
    done = subprocess.run(
        [container.tool("kubectl"), "kustomize",
         # Bazel's runfiles are links, which kustomize may not follow outside.
         os.path.join(os.path.realpath(f"{DIRECTORY}/BUILD").removesuffix(
             "/BUILD"), kustomization)],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"{kustomization}: {done.stderr}")
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def find(objects, kind, name=None):
    found = [item for item in objects if item["kind"] == kind and
             name in (None, item["metadata"]["name"])]
    if name is None:
        return found
    if len(found) != 1:
        raise KeyError(f"{len(found)} of {kind} {name}")
    return found[0]


def quantity(text):
    """500m is 0.5, 4Gi is 2**32."""
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    if not match or match[2] not in _UNITS:
        raise ValueError(f"not a quantity: {text}")
    return float(match[1]) * _UNITS[match[2]]


def expand(text, environment):
    """$(NAME) of `environment`; $$ is a dollar, unknown names stay."""
    def value(match):
        if match[0] == "$$":
            return "$"
        return environment.get(match[1], match[0])
    return _REFERENCE.sub(value, text)


def selects(labels_wanted, labels):
    return all(labels.get(key) == value
               for key, value in labels_wanted.items())
