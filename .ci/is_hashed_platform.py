"""Ends with status 0 where .ci/hashes.txt lists what this Python needs: version 3.11, Linux with glibc, x86_64."""

import platform
import sys

THIS = (*sys.version_info[:2], sys.platform, platform.machine(), platform.libc_ver()[0])

sys.exit(0 if (*THIS, sys.implementation.name) == (3, 11, "linux", "x86_64", "glibc", "cpython") else 1)
