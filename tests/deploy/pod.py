"""A pod of one container, played as a kubelet does.

    pending -> running -> ready <-> not ready      probes say which
    running -> terminating -> gone                 Terminate
    running -> exited -> running                   restartPolicy

Nothing happens between calls of Advance, which the caller makes often.
"""

import math
import os
import signal

from tests.deploy import container, http_probe, manifests, storage

# What the player knows of a pod, so that nothing of a manifest is left out
# unseen. Not played: limits of resources and the choice of nodes, seccomp.
SPEC_FIELDS = {
    "affinity", "automountServiceAccountToken", "containers",
    "enableServiceLinks", "restartPolicy", "securityContext",
    "serviceAccountName", "terminationGracePeriodSeconds", "tolerations",
    "volumes"}
CONTAINER_FIELDS = {
    "args", "command", "env", "image", "livenessProbe", "name", "ports",
    "readinessProbe", "resources", "securityContext", "startupProbe",
    "volumeMounts"}
PROBE_FIELDS = {"exec", "failureThreshold", "httpGet", "periodSeconds",
                "timeoutSeconds"}


def check_fields(what, fields, known):
    unknown = set(fields) - known
    if unknown:
        raise ValueError(f"{what}: the player does not know {sorted(unknown)}")


class Probe:
    """Runs its command every period; `ok` is what the last tries say."""

    def __init__(self, spec, pace):
        check_fields("probe", spec, PROBE_FIELDS)
        self.command = spec.get("exec", {}).get("command")
        self.http = spec.get("httpGet")
        self.timeout_seconds = spec["timeoutSeconds"]
        self._period = spec["periodSeconds"] / pace
        self._threshold = spec.get("failureThreshold", 3)
        self._next = 0
        self._failures = 0
        self.passed = False  # the last time
        self.failed = False  # as often in a row as the threshold says
        self.said = ""

    def is_due(self, now):
        return now >= self._next

    def take(self, now, status, said):
        self._next = now + self._period
        self.passed = status == 0
        self._failures = 0 if self.passed else self._failures + 1
        self.failed = self._failures >= self._threshold
        self.said = said


class Pod:
    """network: a network.Network; store: a storage.Storage.

    pace: periods of probes are so many times shorter than the manifest's.
    """

    def __init__(self, name, namespace, template, *, root, network, store,
                 resolv_conf, directory, pace, claim_templates=(),
                 extra_environment=None):
        self.name = name
        self.labels = template["metadata"]["labels"]
        self.restarts = 0
        self.ready_since = None
        self.ended = None  # exit status, if it is not started again
        self.spec = template["spec"]
        check_fields(name, self.spec, SPEC_FIELDS)
        [self._container_spec] = self.spec["containers"]
        check_fields(name, self._container_spec, CONTAINER_FIELDS)
        self._namespace = namespace
        self._extra = extra_environment or {}
        self._pace = pace
        self._directory = directory
        self._network = network
        self.netns, self.address = network.add()
        volumes = store.mounts(name, self.spec, claim_templates)
        self._mounts = [
            self._etc("hosts", f"127.0.0.1 localhost\n{self.address} {name}\n"),
            self._etc("resolv.conf", resolv_conf),
            *storage.mounts_of(volumes, self._container_spec)]
        self._image = self._image_of(root)
        self._killed_at = None
        self.log = f"{directory}/log"
        self._container = None

    def _etc(self, name, text):
        path = f"{self._directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return container.Mount(path, f"/etc/{name}", read_only=True)

    def _image_of(self, root):
        context = self.spec["securityContext"]
        own = self._container_spec["securityContext"]
        if not (context["runAsNonRoot"] and own["readOnlyRootFilesystem"] and
                own["capabilities"] == {"drop": ["ALL"]} and
                not own["allowPrivilegeEscalation"]):
            raise ValueError(f"{self.name}: only restricted pods are played")
        return container.Image(root, context["runAsUser"],
                               context["runAsGroup"], (context["fsGroup"],))

    def environment(self):
        values = {"HOSTNAME": self.name, **self._extra}
        for variable in self._container_spec.get("env", ()):
            name = variable["name"]
            if "value" in variable:
                values[name] = manifests.expand(variable["value"], values)
                continue
            source = variable["valueFrom"]
            if "fieldRef" in source:
                values[name] = {
                    "metadata.name": self.name,
                    "metadata.namespace": self._namespace,
                }[source["fieldRef"]["fieldPath"]]
            else:
                kind, resource = (
                    source["resourceFieldRef"]["resource"].split("."))
                amount = self._container_spec["resources"][kind][resource]
                values[name] = str(math.ceil(manifests.quantity(amount)))
        return values

    def start(self):
        environment = self.environment()
        command = [manifests.expand(part, environment)
                   for part in (*self._container_spec["command"],
                                *self._container_spec.get("args", ()))]
        scratch = f"{self._directory}/scratch"
        os.makedirs(scratch, exist_ok=True)
        self._probes = {kind: Probe(self._container_spec[kind], self._pace)
                        for kind in ("startupProbe", "readinessProbe",
                                     "livenessProbe")
                        if kind in self._container_spec}
        self._container = container.Container(
            self._image, command, network=self.netns, mounts=self._mounts,
            environment=environment, scratch=scratch, log=self.log)

    def advance(self, now):
        """Looks after the container and its probes; now in seconds."""
        status = self._container.exit_status()
        if status is not None:
            self.ready_since = None
            if self._killed_at is None and self.ended is None:
                self._exited(status)
            return
        if self._killed_at is not None:
            grace = self.spec["terminationGracePeriodSeconds"]
            if now >= self._killed_at + grace:
                self._container.kill()
            return
        if self._passes("startupProbe", now):
            self._set_ready(self._passes("readinessProbe", now), now)
            self._passes("livenessProbe", now)
        if any(probe.failed for kind, probe in self._probes.items()
               if kind != "readinessProbe"):
            self._container.kill()

    def _exited(self, status):
        policy = self.spec.get("restartPolicy", "Always")
        if policy == "Never":
            self.ended = status
            return
        self.restarts += 1
        self.start()

    def _passes(self, kind, now):
        probe = self._probes.get(kind)
        if probe is None:
            return True
        # A startup probe is done when it has passed once.
        done = kind == "startupProbe" and probe.passed
        if not done and probe.is_due(now):
            probe.take(now, *self._try(probe))
        return probe.passed

    def _try(self, probe):
        if probe.command:
            return self._container.execute(probe.command,
                                           probe.timeout_seconds)
        [port] = [port["containerPort"] for port in
                  self._container_spec["ports"]
                  if port["name"] == probe.http["port"]]
        return http_probe.ask(
            self._network.node, f"{probe.http['scheme'].lower()}://"
            f"{self.address}:{port}{probe.http['path']}",
            probe.timeout_seconds)

    def _set_ready(self, ready, now):
        if not ready:
            self.ready_since = None
        elif self.ready_since is None:
            self.ready_since = now

    def execute(self, command, timeout_seconds=60):
        return self._container.execute(command, timeout_seconds)

    def terminate(self, now):
        if self._killed_at is None:
            self._killed_at = now
            self.ready_since = None
            self._container.signal(signal.SIGTERM)

    def lose(self, now):
        self._killed_at = now
        self.ready_since = None
        self._container.kill()

    @property
    def terminating(self):
        return self._killed_at is not None

    def is_gone(self):
        return self.terminating and self._container.exit_status() is not None

    def exit_status(self):
        return self._container.exit_status()

    def remove(self):
        """After it is gone, or at the end of all."""
        if self._container.exit_status() is None:
            self._container.kill()
        self._network.remove(self.netns)

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def condition(self):
        """For messages: what the probes said last, and the log's end."""
        said = {kind: (probe.passed, probe.said)
                for kind, probe in self._probes.items()}
        return f"{self.name}: restarts {self.restarts}, probes {said}, log:\n" \
            + self.output()[-3000:]
