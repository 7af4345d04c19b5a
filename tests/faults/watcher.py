"""Asks a cluster's scheduler for a job's state, log and nodes all the while.

    with Watcher(cluster, "job", every=0.25) as watcher:
        watcher.status     # what `hawser job` said last
        watcher.node_of(process)
    watcher.timeline       # of the whole time

A thread of its own asks: a scheduler that is stopped keeps it waiting, and
nobody else.
"""

import json
import threading
import time

from tests.faults.timeline import Sample, Timeline

ENDS = ("succeeded", "failed", "cancelled")


class Watcher:

    def __init__(self, cluster, job, every):
        """every: seconds; the log is read every second time."""
        self._cluster = cluster
        self._job = job
        self._every = every
        self._begin = time.monotonic()
        self._nodes = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.timeline = Timeline()
        self.status = None
        self.problem = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    @property
    def seconds(self):
        """Since it has begun."""
        return time.monotonic() - self._begin

    @property
    def has_ended(self):
        return self.status is not None and self.status["state"] in ENDS

    def node_of(self, process):
        """The newest number known of a process; None: of none."""
        return self._nodes.get(process)

    def _watch(self):
        turn = 0
        try:
            while not self._is_over.wait(self._every):
                self._look(turn)
                turn += 1
                if self.has_ended:
                    return
        except Exception as error:  # pylint: disable=broad-except
            self.problem = f"the watcher: {error!r}"

    def _look(self, turn):
        # Before the job: what is new of the log was said before its state.
        if turn % 2 == 0:
            said = self._cluster.run("logs", self._job, "-o", "json")
            if said.returncode == 0:
                self.timeline.read_log(self.seconds, [
                    json.loads(line) for line in said.stdout.splitlines()])
        if turn % 4 == 0:
            self._nodes.update(self._cluster.nodes())
        status = self._cluster.ask("job", self._job)
        if status is not None:
            self.timeline.add(Sample(self.seconds, status["step"],
                                     status["incarnation"]))
            self.status = status
