"""Faults begin and end when they should, whatever members are doing."""

import types
import unittest

from tests.faults.injector import Injector
from tests.faults.schedule import Fault
from tests.integration.case_report import main


class FakeMember:

    def __init__(self, role, number, events):
        self.role, self.number = role, number
        self.host = f"{role}{number}"
        self.process = 100 + number
        self._events = events

    def kill(self, again_after):
        if not self.process:
            return False
        self._events.append(f"kill {self.host} {again_after}")
        self.process = 0
        return True

    def stop(self):
        if not self.process:
            return False
        self._events.append(f"stop {self.host}")
        return True

    def go_on(self):
        self._events.append(f"go on {self.host}")


class InjectorTest(unittest.TestCase):

    def setUp(self):
        self.events = []
        members = [FakeMember("server", number, self.events)
                   for number in range(2)] + [
                       FakeMember("worker", 0, self.events)]
        log = self.events.append
        self.hosts = types.SimpleNamespace(
            drop=lambda *pair: log(f"drop {' '.join(pair)}"),
            deliver=lambda *pair: log(f"deliver {' '.join(pair)}"))
        self.cluster = types.SimpleNamespace(
            members=members, hosts=self.hosts,
            member=lambda role, number: next(
                member for member in members
                if (member.role, member.number) == (role, number)))

    def act(self, injector, now):
        self.events.clear()
        injector.act(now)
        return list(self.events)

    def test_a_stopped_process_goes_on(self):
        injector = Injector(self.cluster, [Fault(1, "stop", "server", 0, 2)])
        self.assertEqual(self.act(injector, 0.9), [])
        self.assertEqual(self.act(injector, 1.0), ["stop server0"])
        self.assertEqual(self.act(injector, 2.9), [])
        self.assertEqual(self.act(injector, 3.0), ["go on server0"])
        self.assertFalse(injector.is_busy)

    def test_a_process_that_has_been_started_since_is_left_alone(self):
        injector = Injector(self.cluster, [Fault(1, "stop", "server", 0, 2)])
        self.act(injector, 1)
        self.cluster.member("server", 0).process = 7
        self.assertEqual(self.act(injector, 3), [])

    def test_a_fault_waits_until_there_is_a_process(self):
        injector = Injector(self.cluster, [Fault(1, "kill", "server", 0, 2)])
        self.cluster.member("server", 0).process = 0
        self.assertEqual(self.act(injector, 1), [])
        self.assertTrue(injector.is_busy)
        self.cluster.member("server", 0).process = 8
        self.assertEqual(self.act(injector, 1.5), ["kill server0 2"])
        self.assertEqual([(done.at, done.process) for done in injector.done],
                         [(1.5, 8)])

    def test_cuts_in_both_directions_and_one(self):
        for kind, pairs in (
                ("cut", ["server1 worker0", "worker0 server1"]),
                ("deaf", ["server1 worker0"]),
                ("mute", ["worker0 server1"])):
            injector = Injector(self.cluster, [
                Fault(1, kind, "worker", 0, 2, "server")])
            dropped = [event for event in self.act(injector, 1)
                       if "server1" in event]
            self.assertEqual(dropped, [f"drop {pair}" for pair in pairs])
            delivered = [event for event in self.act(injector, 3)
                         if "server1" in event]
            self.assertEqual(delivered, [f"deliver {pair}" for pair in pairs])

    def test_what_two_faults_cut_is_cut_until_both_end(self):
        injector = Injector(self.cluster, [
            Fault(1, "deaf", "worker", 0, 4, "server"),
            Fault(2, "deaf", "worker", 0, 1, "all")])
        self.act(injector, 1)
        self.act(injector, 2)
        self.assertEqual(self.act(injector, 3), [])
        self.assertEqual(len(self.act(injector, 5)), 2)

    def test_all_ends(self):
        injector = Injector(self.cluster, [
            Fault(1, "mute", "worker", 0, 4, "all"),
            Fault(1, "stop", "server", 0, 9)])
        self.act(injector, 1)
        self.events.clear()
        injector.end_all()
        self.assertEqual(self.events, ["deliver worker0 server0",
                                       "deliver worker0 server1",
                                       "go on server0"])
        self.assertFalse(injector.is_busy)


if __name__ == "__main__":
    main()
