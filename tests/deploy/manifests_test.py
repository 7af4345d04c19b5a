"""The manifests of deploy/kubernetes: rendered, and checked against the
published schemas of Kubernetes."""

import importlib.util
import re
import subprocess
import sys
import tempfile
import unittest

from tests.deploy import manifests
from tests.integration import harness

KUSTOMIZATIONS = ("base", "job", "overlays/etcd", "overlays/etcd-job",
                  "overlays/gpu", "overlays/monitoring", "overlays/one-node",
                  "overlays/worker-job")
VERSIONS = ("1.29.0", "1.33.0")
VALIDATOR = "kubernetes-validate==1.37.0"
INSTALL_SECONDS = 90
WORKLOADS = ("StatefulSet", "Deployment", "Job")
WITHOUT_SCHEMA = ("ServiceMonitor",)  # not Kubernetes' own


def templates(objects):
    return [(f"{item['kind']} {item['metadata']['name']}",
             item["spec"]["template"])
            for item in objects if item["kind"] in WORKLOADS]


class ManifestsTest(unittest.TestCase):

    def setUp(self):
        reason = manifests.missing()
        if reason:
            self.skipTest(reason)
        self.rendered = {name: manifests.render(name)
                         for name in KUSTOMIZATIONS}
        self.templates = [template for objects in self.rendered.values()
                          for template in templates(objects)]

    def provide_validator(self):
        """Skips the test where it cannot be had."""
        if importlib.util.find_spec("kubernetes_validate"):
            return
        packages = tempfile.TemporaryDirectory(prefix="hawser-test-")
        self.addCleanup(packages.cleanup)
        try:
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet",
                 "--disable-pip-version-check", "--target", packages.name,
                 VALIDATOR], check=True, capture_output=True,
                timeout=INSTALL_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            self.skipTest("kubernetes-validate cannot be installed: pip "
                          f"install {VALIDATOR}: {error}")
        sys.path.insert(0, packages.name)
        self.addCleanup(sys.path.remove, packages.name)

    def test_they_keep_to_the_published_schemas(self):
        self.provide_validator()
        import kubernetes_validate
        for version in VERSIONS:
            for name, objects in self.rendered.items():
                for item in objects:
                    if item["kind"] not in WITHOUT_SCHEMA:
                        with self.subTest(version=version, of=name):
                            kubernetes_validate.validate(
                                item, version, strict=True)

    def test_all_pods_are_restricted(self):
        for name, template in self.templates:
            with self.subTest(name):
                spec = template["spec"]
                context = spec["securityContext"]
                self.assertTrue(context["runAsNonRoot"])
                self.assertEqual(context["seccompProfile"]["type"],
                                 "RuntimeDefault")
                self.assertFalse(spec["automountServiceAccountToken"])
                for container in spec["containers"]:
                    own = container["securityContext"]
                    self.assertFalse(own["allowPrivilegeEscalation"])
                    self.assertTrue(own["readOnlyRootFilesystem"])
                    self.assertEqual(own["capabilities"], {"drop": ["ALL"]})
                    self.assertIn("memory", container["resources"]["limits"])

    def test_all_is_over_tls_and_nothing_is_open(self):
        for name, template in self.templates:
            [container] = template["spec"]["containers"]
            text = " ".join(container["args"])
            with self.subTest(name):
                self.assertNotIn("insecure", text)
                if container["command"] == ["etcd"]:
                    self.assertIn("--client-cert-auth ", text)
                    self.assertIn("--peer-client-cert-auth ", text)
                    self.assertNotIn("client-urls=http:", text)
                    self.assertNotIn("peer-urls=http:", text)
                elif container["command"] != ["hawser"]:
                    self.assertIn("--tls-dir=", text)
                    self.assertIn("--tokens-file=", text)

    def test_a_server_has_time_to_drain(self):
        server = manifests.find(self.rendered["base"], "StatefulSet",
                                "hawser-server")["spec"]["template"]["spec"]
        text = " ".join(server["containers"][0]["args"])
        seconds = int(re.search(r"--drain-seconds=(\d+)", text)[1])
        self.assertGreater(server["terminationGracePeriodSeconds"], seconds)

    def test_policies_name_ports_that_pods_have(self):
        for name in ("base", "overlays/etcd"):
            with self.subTest(name):
                self.check_ports_of_policies(self.rendered[name])

    def check_ports_of_policies(self, objects):
        ports = {port["containerPort"] for _, template in templates(objects)
                 for port in template["spec"]["containers"][0]["ports"]}
        for policy in manifests.find(objects, "NetworkPolicy"):
            rules = [*policy["spec"].get("ingress", ()),
                     *policy["spec"].get("egress", ())]
            for rule in rules:
                for port in rule["ports"]:
                    self.assertIn(port["port"], ports | {53})

    def test_members_of_the_etcd_overlay_know_all_schedulers(self):
        objects = self.rendered["overlays/etcd"]
        scheduler = manifests.find(objects, "StatefulSet", "hawser-scheduler")
        names = [f"hawser-scheduler-{number}.hawser-scheduler."
                 "$(POD_NAMESPACE).svc:7070"
                 for number in range(scheduler["spec"]["replicas"])]
        for kind, name in (("StatefulSet", "hawser-server"),
                           ("Deployment", "hawser-worker")):
            template = manifests.find(objects, kind, name)["spec"]["template"]
            self.assertIn("--scheduler=" + ",".join(names),
                          template["spec"]["containers"][0]["args"])
        submit = manifests.find(self.rendered["overlays/etcd-job"], "Job")[0]
        variables = submit["spec"]["template"]["spec"]["containers"][0]["env"]
        self.assertIn({"name": "HAWSER_SCHEDULER", "value": ",".join(names)},
                      variables)

    def test_the_gpu_overlay_asks_for_a_gpu(self):
        worker = manifests.find(self.rendered["overlays/gpu"], "Deployment",
                                "hawser-worker")
        [container] = worker["spec"]["template"]["spec"]["containers"]
        self.assertEqual(container["resources"]["limits"]["nvidia.com/gpu"],
                         "1")
        self.assertIn("--data-root=/data", container["args"])  # merged


if __name__ == "__main__":
    harness.main()
