"""A process in a root file system of its own, as a container engine starts it.

Its mount, process and network namespaces are its own; the root is read-only
except for what is mounted; it runs as a given user without capabilities, and
cannot gain any. There is no seccomp filter and no cgroup. Linux's own tools do
it (unshare, nsenter, setpriv, chroot), and they need root: `missing()` says
what keeps this machine from it.
"""

import dataclasses
import os
import shlex
import shutil
import signal
import subprocess

TOOLS = ("unshare", "nsenter", "setpriv", "chroot", "mount", "ip")
USER = 65532  # of the image: deploy/docker/assemble_root
PATH = "/usr/bin"  # of the image: deploy/docker/Dockerfile
_TOOL_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # of this machine


def tool(name):
    """The path of one of this machine's programs; None: it is not there."""
    return shutil.which(name, path=_TOOL_PATH)


def missing():
    """Why no container can be started here; None if one can."""
    if os.geteuid() != 0:
        return "namespaces with a user of their own need root"
    for name in TOOLS:
        if tool(name) is None:
            return f"{name} is not installed"
    tried = subprocess.run(
        [tool("unshare"), "--mount", "--pid", "--fork", "--net", "sh", "-c",
         "mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir upper work root && "
         "mount -t overlay -o lowerdir=/usr,upperdir=upper,workdir=work "
         "overlay root"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"no namespaces here: {tried.stderr.strip()}"
    return None


@dataclasses.dataclass(frozen=True)
class Mount:
    source: str  # a directory or file of this machine
    target: str  # its absolute path in the container
    read_only: bool = False


@dataclasses.dataclass(frozen=True)
class Image:
    """What a container is made of besides what it runs."""
    root: str
    user: int = USER
    group: int = USER
    groups: tuple = ()
    read_only: bool = True


# Run by bash as process 1 of the namespaces; $scratch is an empty directory.
_SET_UP = """
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch"/upper "$scratch"/work "$scratch"/root
root=$scratch/root
mount -t overlay -o \
  "lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o size=64M tmpfs "$root/dev/shm"
bind() {  # SOURCE TARGET ro|rw
  if [[ -d $1 ]]; then
    mkdir -p "$root$2"
  else
    mkdir -p "$(dirname "$root$2")"
    touch "$root$2"
  fi
  mount --bind "$1" "$root$2"
  [[ $3 == rw ]] || mount -o remount,bind,ro "$root$2"
}
"""


class Container:
    """Starts when made.

    network: the name of a network namespace, as of `ip netns`.
    scratch: an empty directory, for mounts that nobody else sees.
    log: a file for standard output and error.
    """

    def __init__(self, image, command, *, network, mounts, environment,
                 scratch, log):
        self.image = image
        self.log = log
        self.variables = [f"{name}={value}" for name, value in
                          {"PATH": PATH, **environment}.items()]
        script = ["set -euo pipefail", f"scratch={shlex.quote(scratch)}",
                  f"lower={shlex.quote(os.path.abspath(image.root))}", _SET_UP]
        for mount in sorted(mounts, key=lambda mount: mount.target):
            script.append("bind " + shlex.join(
                [mount.source, mount.target,
                 "ro" if mount.read_only else "rw"]))
        if image.read_only:
            script.append('mount -o remount,ro "$root"')
        groups = ",".join(map(str, (image.group, *image.groups)))
        script.append("exec " + shlex.join(
            [tool("env"), "-i", *self.variables,
             tool("setpriv"), "--no-new-privs", tool("chroot"),
             f"--userspec={image.user}:{image.group}", f"--groups={groups}"])
            + ' "$root" ' + shlex.join(command))
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [tool("nsenter"), f"--net=/run/netns/{network}",
                 tool("unshare"), "--mount", "--propagation", "private",
                 "--pid", "--fork", "--kill-child", tool("bash"), "-c",
                 "\n".join(script)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _first_process(self):
        """The number here of the container's process 1; None: not there."""
        outer = self.process.pid
        try:
            with open(f"/proc/{outer}/task/{outer}/children",
                      encoding="utf-8") as file:
                children = file.read().split()
        except OSError:
            return None
        return int(children[0]) if children else None

    def execute(self, command, timeout_seconds):
        """Runs a command beside it; returns (exit status, output).

        The status is None after timeout_seconds.
        """
        first = self._first_process()
        if first is None:
            return 1, "no such container"
        process = subprocess.Popen(
            [tool("env"), "-i", *self.variables,
             tool("nsenter"), f"--target={first}", "--mount", "--net",
             "--pid", "--root", "--wd", f"--setuid={self.image.user}",
             f"--setgid={self.image.group}", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)
        try:
            output = process.communicate(timeout=timeout_seconds)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]
        return process.returncode, output

    def signal(self, number):
        first = self._first_process()
        if first is not None:
            os.kill(first, number)

    def exit_status(self):
        """None while it runs."""
        return self.process.poll()

    def stop(self, grace_seconds):
        """SIGTERM, and SIGKILL after the grace; returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode

    def kill(self):
        # With process 1 all that is in it ends. --kill-child alone does not do:
        # the kernel forgets it when the process becomes another user's.
        self.signal(signal.SIGKILL)
        self.process.kill()
        self.process.wait()
