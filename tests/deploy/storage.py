"""Volumes of pods as directories of this machine, laid out as a kubelet does.

A secret's or config map's keys are links to `..data/KEY`, and `..data` is a
link that an update replaces at once: a daemon sees old files or new ones, never
half of them.
"""

import os
import shutil
import tempfile

from tests.deploy import container


class Storage:

    def __init__(self, directory):
        self._directory = directory
        self._keys = {}  # (kind, name): {key: bytes}
        self._projections = []  # (directory, sources, mode, group)

    def put(self, kind, name, keys):
        """A Secret or ConfigMap; what mounts it is brought up to date."""
        self._keys[kind, name] = dict(keys)
        for projection in self._projections:
            if (kind, name) in projection[1]:
                self._project(*projection)

    def claim(self, name):
        """The directory of a claim, made when first asked for."""
        path = f"{self._directory}/claim-{name}"
        os.makedirs(path, exist_ok=True)
        return path

    def mounts(self, pod_name, spec, claim_templates=()):
        """{volume's name: (directory, may be written)} of a pod."""
        group = spec["securityContext"]["fsGroup"]
        volumes = {}
        for template in claim_templates:
            name = template["metadata"]["name"]
            volumes[name] = self._writable(f"{name}-{pod_name}", group), True
        for volume in spec.get("volumes", ()):
            volumes[volume["name"]] = self._volume(volume, group)
        return volumes

    def _volume(self, volume, group):
        if "persistentVolumeClaim" in volume:
            name = volume["persistentVolumeClaim"]["claimName"]
            return self._writable(name, group), True
        if "emptyDir" in volume:
            path = tempfile.mkdtemp(dir=self._directory)
            return self._give(path, group), True
        sources, mode = self._sources(volume)
        path = tempfile.mkdtemp(dir=self._directory)
        os.chmod(path, 0o755)
        projection = path, sources, mode, group
        self._project(*projection)
        self._projections.append(projection)
        return path, False

    @staticmethod
    def _sources(volume):
        """([(kind, name)], mode) of what files come from."""
        if "secret" in volume:
            secret = volume["secret"]
            return ([("Secret", secret["secretName"])],
                    secret.get("defaultMode", 0o644))
        if "configMap" in volume:
            config_map = volume["configMap"]
            return ([("ConfigMap", config_map["name"])],
                    config_map.get("defaultMode", 0o644))
        projected = volume["projected"]
        return ([("Secret", source["secret"]["name"])
                 for source in projected["sources"]],
                projected.get("defaultMode", 0o644))

    def _writable(self, claim, group):
        return self._give(self.claim(claim), group)

    @staticmethod
    def _give(path, group):
        """As fsGroup does, what is in it included."""
        for folder, _, files in os.walk(path):
            os.chown(folder, -1, group)
            os.chmod(folder, 0o2775)
            for name in files:
                os.chown(os.path.join(folder, name), -1, group)
        return path

    def _project(self, path, sources, mode, group):
        new = tempfile.mkdtemp(prefix="..", dir=path)
        os.chmod(new, 0o755)
        for source in sources:
            if source not in self._keys:
                raise KeyError(f"no {source[0]} {source[1]} was made")
            for key, value in self._keys[source].items():
                with open(f"{new}/{key}", "wb") as file:
                    file.write(value)
                os.chown(f"{new}/{key}", 0, group)
                os.chmod(f"{new}/{key}", mode)
                if not os.path.islink(f"{path}/{key}"):
                    os.symlink(f"..data/{key}", f"{path}/{key}")
        data = f"{path}/..data"
        old = os.path.realpath(data) if os.path.islink(data) else None
        os.symlink(os.path.basename(new), f"{path}/..new")
        os.rename(f"{path}/..new", data)
        if old:
            shutil.rmtree(old)


def mounts_of(volumes, container_spec):
    """container.Mount of each of a container's volumeMounts."""
    found = []
    for mount in container_spec.get("volumeMounts", ()):
        directory, writable = volumes[mount["name"]]
        found.append(container.Mount(
            directory, mount["mountPath"],
            read_only=mount.get("readOnly", False) or not writable))
    return found
