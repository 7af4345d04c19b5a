"""The root file system of one program of this machine's: it and its libraries.

For images that are not Hawser's (deploy/docker/assemble_root makes that).
"""

import os
import re
import shutil
import subprocess


def assemble(program, root):
    """program: its path. Of the root nothing may be there yet."""
    for directory in ("dev", "etc", "proc", "usr/bin", "usr/lib", "usr/lib64",
                      "tmp"):
        os.makedirs(f"{root}/{directory}", mode=0o755)
    for name in ("bin", "lib", "lib64"):
        os.symlink(f"usr/{name}", f"{root}/{name}")
    shutil.copy(program, f"{root}/usr/bin/")
    listing = subprocess.run(["ldd", program], capture_output=True, text=True,
                             check=False).stdout  # nothing of a static one
    for library in re.findall(r"(/\S+) \(0x", listing):
        target = f"{root}/usr/{library.removeprefix('/usr').lstrip('/')}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(os.path.realpath(library), target)
    with open(f"{root}/etc/nsswitch.conf", "w", encoding="utf-8") as file:
        file.write("hosts: files dns\n")
