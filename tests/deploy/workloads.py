"""What Kubernetes' controllers do for each kind of workload, a step at a time.

A workload's revision rises when its template changes; pods of an older one are
replaced by the kind's own rules.
"""


class Workload:

    def __init__(self, manifest, create, pace):
        """create(name, manifest, environment) starts a pod."""
        self.manifest = manifest
        self.spec = manifest["spec"]
        self.name = manifest["metadata"]["name"]
        self.revision = 1
        self.pods = {}  # name: (pod, revision)
        self._create = create
        self._pace = pace

    def _start(self, name, environment=None):
        self.pods[name] = (self._create(name, self.manifest, environment),
                           self.revision)

    def _available(self, pod, now):
        wait = self.spec.get("minReadySeconds", 0) / self._pace
        return pod.ready_since is not None and now >= pod.ready_since + wait

    def all_available(self, now):
        return all(self._available(pod, now) for pod, _ in self.pods.values())

    def is_rolled_out(self, now):
        return (len(self.pods) == self.spec["replicas"] and
                all(revision == self.revision
                    for _, revision in self.pods.values()) and
                self.all_available(now))

    def _drop_gone(self):
        for name, (pod, _) in list(self.pods.items()):
            if pod.is_gone():
                pod.remove()
                del self.pods[name]

    def advance(self, now):
        self._drop_gone()
        self._advance(now)


class StatefulSet(Workload):
    """Pods NAME-0 ..; replaced from the highest on, one at a time."""

    def _advance(self, now):
        for ordinal in range(self.spec["replicas"]):
            name = f"{self.name}-{ordinal}"
            if name not in self.pods:
                self._start(name)
        old = [name for name, (_, revision) in self.pods.items()
               if revision != self.revision]
        if old and self.all_available(now):
            last = max(old, key=lambda name: int(name.rsplit("-", 1)[1]))
            self.pods[last][0].terminate(now)


class Deployment(Workload):
    """As with maxSurge 0: as many are replaced at once as may be missing."""

    _started = 0

    def _advance(self, now):
        while len(self.pods) < self.spec["replicas"]:
            self._started += 1
            self._start(f"{self.name}-{self.revision}-{self._started}")
        rolling = self.spec["strategy"]["rollingUpdate"]
        if rolling["maxSurge"] != 0:
            raise ValueError(f"{self.name}: maxSurge must be 0 to be played")
        absent = [name for name, (pod, _) in self.pods.items()
                  if not self._available(pod, now)]
        for name, (pod, revision) in sorted(self.pods.items()):
            if len(absent) >= rolling["maxUnavailable"]:
                return
            if revision != self.revision and name not in absent:
                pod.terminate(now)
                absent.append(name)


class Job(Workload):
    """Pods until as many have succeeded as it wants; failures are replaced."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.succeeded = {}  # index: pod
        self.failures = []
        self.failed = False

    def _indexed(self):
        return self.spec.get("completionMode") == "Indexed"

    def is_done(self):
        return len(self.succeeded) >= self.spec.get("completions", 1)

    def _advance(self, now):
        del now
        for name, (pod, index) in list(self.pods.items()):
            if pod.ended is None:
                continue
            del self.pods[name]
            if pod.ended == 0:
                self.succeeded[index] = pod
                continue
            self.failures.append(pod)
            self.failed |= self._gives_up(pod.ended)
        running = {index for _, index in self.pods.values()}
        for index in range(self.spec.get("completions", 1)):
            if index in running or index in self.succeeded or self.failed:
                continue
            name = f"{self.name}-{index}-{len(self.failures)}"
            environment = ({"JOB_COMPLETION_INDEX": str(index)}
                           if self._indexed() else None)
            self.pods[name] = (self._create(name, self.manifest, environment),
                               index)

    def _gives_up(self, status):
        if len(self.failures) > self.spec["backoffLimit"]:
            return True
        return any(rule["action"] == "FailJob" and
                   status in rule["onExitCodes"]["values"]
                   for rule in self.spec.get("podFailurePolicy", {}).get(
                       "rules", ()) if "onExitCodes" in rule)

    def all_pods(self):
        return [pod for pod, _ in self.pods.values()] + [
            *self.succeeded.values(), *self.failures]


KINDS = {"StatefulSet": StatefulSet, "Deployment": Deployment, "Job": Job}
