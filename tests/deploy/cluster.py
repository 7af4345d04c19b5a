"""Plays rendered manifests on one machine: pods, names, rolling restarts.

    cluster = Cluster(directory, root)           # root: of the image
    cluster.put_secret("hawser-tokens", {"tokens": ...})
    cluster.apply(manifests.render("base"))
    cluster.await_that("all is ready", cluster.is_rolled_out, seconds=60)
    cluster.restart("StatefulSet", "hawser-server")   # as kubectl rollout
    cluster.lose("hawser-server-0")                   # without a signal
    cluster.close()

Each pod has namespaces and an address of its own; a pod that is replaced has
its old name and another address, as in Kubernetes. Services have addresses and
names, network policies hold. Disruption budgets are not played.
"""

import os
import time

from tests.deploy import container, manifests, name_server, network_policy
from tests.deploy import workloads
from tests.deploy.network import Network
from tests.deploy.pod import Pod
from tests.deploy.service_address import ServiceAddresses
from tests.deploy.storage import Storage

PACE = 4  # manifests' periods are so many times shorter
_POLL_SECONDS = 0.02
_NOT_PLAYED = {"Namespace", "ServiceAccount", "PodDisruptionBudget",
               "PersistentVolumeClaim", "ServiceMonitor"}


def missing():
    """Why nothing can be played here; None if it can."""
    return (container.missing() or manifests.missing() or
            name_server.missing() or network_policy.missing())


class Cluster:

    def __init__(self, directory, root, pace=PACE, other_roots=None):
        """other_roots: {image: root} of those that are not Hawser's."""
        self._directory = directory
        self._roots = {"hawser": root, **(other_roots or {})}
        self._pace = pace
        self._network = Network(f"hawser-{os.getpid()}")
        self.storage = Storage(directory)
        self._names = name_server.NameServer(
            self._network.node, self._network.node_address, directory)
        self._services = {}
        self._policies = []
        self._addresses = ServiceAddresses()
        self._rules = {}  # pod's network namespace: what holds there
        self._workloads = {}
        self._started = 0

    # --- Objects ---

    def put_secret(self, name, keys):
        self.storage.put("Secret", name, keys)

    def apply(self, objects):
        for item in objects:
            kind, name = item["kind"], item["metadata"]["name"]
            if kind == "ConfigMap":
                self.storage.put("ConfigMap", name, {
                    key: text.encode() for key, text in item["data"].items()})
            elif kind == "Service":
                self._services[name] = item
            elif kind == "NetworkPolicy":
                self._policies.append(item)
            elif kind in workloads.KINDS:
                self._workloads[kind, name] = workloads.KINDS[kind](
                    item, self._create, self._pace)
            elif kind not in _NOT_PLAYED:
                raise ValueError(f"{kind} {name}: the player has no such kind")

    def workload(self, kind, name):
        return self._workloads[kind, name]

    def pods(self):
        found = []
        for workload in self._workloads.values():
            if isinstance(workload, workloads.Job):
                found += workload.all_pods()
            else:
                found += [pod for pod, _ in workload.pods.values()]
        return found

    def _live_pods(self):
        return [pod for pod in self.pods() if pod.exit_status() is None]

    def pod(self, name):
        [found] = [pod for pod in self.pods() if pod.name == name]
        return found

    def _create(self, name, manifest, environment):
        self._started += 1
        directory = f"{self._directory}/{self._started}-{name}"
        os.mkdir(directory)
        namespace = manifest["metadata"]["namespace"]
        template = manifest["spec"]["template"]
        [container_spec] = template["spec"]["containers"]
        pod = Pod(name, namespace, template,
                  root=self._roots[container_spec["image"].split(":")[0]],
                  network=self._network, store=self.storage,
                  resolv_conf=name_server.resolv_conf(
                      self._network.node_address, namespace),
                  directory=directory, pace=self._pace,
                  claim_templates=manifest["spec"].get(
                      "volumeClaimTemplates", ()),
                  extra_environment=environment)
        self._connect([*self._live_pods(), pod])
        pod.start()
        return pod

    # --- Network ---

    def add_stranger(self):
        """The network namespace of a pod of somebody else."""
        return self._network.add()[0]

    def _connect(self, pods):
        """Names and rules of these pods hold from now on."""
        endpoints = [(service, self._selected(service, pods))
                     for service in self._services.values()]
        self._names.say(self._names_of(endpoints))
        translation = self._addresses.rules(endpoints)
        for pod in pods:
            text = translation + network_policy.rules(self._policies, pod, pods)
            if self._rules.get(pod.netns) != text:
                network_policy.enforce(text, pod.netns)
                self._rules[pod.netns] = text

    @staticmethod
    def _selected(service, pods):
        """The pods behind a service, in the order of their start."""
        return [pod for pod in pods
                if manifests.selects(service["spec"]["selector"], pod.labels)
                and (pod.ready_since is not None or
                     service["spec"].get("publishNotReadyAddresses"))]

    def _names_of(self, endpoints):
        """[(address, name)]"""
        names = []
        for service, pods in endpoints:
            metadata = service["metadata"]
            full = f"{metadata['name']}.{metadata['namespace']}.svc"
            address = self._addresses.of(service)
            if address is not None:
                names.append((address, full))
            else:
                names += [(pod.address, f"{pod.name}.{full}") for pod in pods]
        return names

    # --- Time ---

    def advance(self):
        now = time.monotonic()
        for workload in self._workloads.values():
            workload.advance(now)
        for pod in self.pods():
            pod.advance(now)
        self._connect(self._live_pods())

    def await_that(self, what, condition, seconds):
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit:
                raise TimeoutError(f"not within {seconds} s: {what}\n" +
                                   "\n".join(pod.condition()
                                             for pod in self.pods()))
            self.advance()
            time.sleep(_POLL_SECONDS)

    def is_rolled_out(self):
        now = time.monotonic()
        return all(workload.is_rolled_out(now)
                   for (kind, _), workload in self._workloads.items()
                   if kind != "Job")

    def restart(self, kind, name):
        """As `kubectl rollout restart`."""
        self._workloads[kind, name].revision += 1

    def lose(self, name):
        """As when a pod dies with its node, and the node is given up."""
        self.pod(name).lose(time.monotonic())

    def close(self):
        for pod in self.pods():
            pod.remove()
        self._names.close()
        self._network.close()
