#!/usr/bin/python3
"""Writes C++ that holds the files of the page.

    embed_page.py FILE... > page_files.cc

Each becomes a PageFile at /NAME, and index.html at /.
"""

import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

HEAD = """#include "scheduler/dashboard/page_files.h"

namespace hawser {

const std::vector<PageFile>& PageFiles() {
  static const auto* const files = new std::vector<PageFile>{
"""
TAIL = """  };
  return *files;
}

}  // namespace hawser
"""


def literal(content):
    """Bytes as C++ string literals, a line each; octal ends after 3 digits."""
    lines = []
    for line in content.splitlines(keepends=True):
        escaped = "".join(
            chr(byte) if 32 <= byte < 127 and byte not in b'"\\?'
            else f"\\{byte:03o}" for byte in line)
        lines.append(f'       "{escaped}"')
    return "\n".join(lines)


def main():
    print(HEAD, end="")
    for path in sorted(sys.argv[1:]):
        name = os.path.basename(path)
        kind = TYPES[os.path.splitext(name)[1]]
        with open(path, "rb") as file:
            content = literal(file.read())
        where = "/" if name == "index.html" else f"/{name}"
        print(f'      {{"{where}", "{kind}",\n{content}}},')
    print(TAIL, end="")


if __name__ == "__main__":
    main()
