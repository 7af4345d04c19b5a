"""Fits manifests to the flags that the programs have.

The manifests ask for TLS, tokens and probes. Where `hawser certs` or
`hawser health` is not there, or a program has no such flag, they are played
without, and listen to everybody in the namespaces.
"""

import re
import subprocess


def _help(program, *verb):
    return subprocess.run([f"bin/{program}", *verb, "--help"],
                          capture_output=True, text=True, check=False).stdout


def _flags(program, *verb):
    return set(re.findall(r"--[a-z-]+", _help(program, *verb)))


def has_verb(verb):
    return re.search(rf"^  {verb}\b", _help("hawser"), re.MULTILINE)


def _fit_container(container):
    program = container["command"][0]
    verb = container["args"][:1] if program == "hawser" else []
    known = _flags(program, *verb)
    if not has_verb("certs"):
        known -= {"--tls-dir", "--token-file", "--tokens-file"}
        container["env"] = [variable for variable in container["env"]
                            if variable["name"] not in (
                                "HAWSER_TLS_DIR", "HAWSER_TOKEN_FILE")]
    args = container["args"]
    container["args"] = [argument for argument in args
                         if not argument.startswith("--") or
                         argument.split("=")[0] in known]
    if "--allow-insecure-network" in known and "--tls-dir" not in known:
        container["args"].append("--allow-insecure-network")
    stand_in = (["hawser", "nodes"] if program == "hawser-scheduler" else
                ["hawser", "version"])
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(kind, {})
        if "exec" in probe and not has_verb("health"):
            probe["exec"]["command"] = stand_in
        if "httpGet" in probe and "--http-listen" not in known:
            del probe["httpGet"]
            probe["exec"] = {"command": stand_in}
        elif "httpGet" in probe and "--tls-dir" not in known:
            probe["httpGet"]["scheme"] = "HTTP"


def fit(objects):
    for item in objects:
        if item["kind"] in ("StatefulSet", "Deployment", "Job"):
            for container in item["spec"]["template"]["spec"]["containers"]:
                _fit_container(container)
    return objects
