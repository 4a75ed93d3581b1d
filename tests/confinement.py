"""What a container engine does with a seccomp profile, done to one command without an engine.

`python tests/confinement.py PROFILE COMMAND…` becomes the command, which can then call only what
the profile allows, and can gain no privileges. Not the whole format: what our profile uses of it.
"""

import ctypes
import ctypes.util
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ACTIONS = {"SCMP_ACT_ALLOW": 0x7FFF0000, "SCMP_ACT_ERRNO": 0x00050000}
OPERATORS = {"SCMP_CMP_EQ": 4, "SCMP_CMP_MASKED_EQ": 7}
"""Numbers of libseccomp's seccomp.h."""


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def confine(profile: Mapping[str, Any]) -> None:
    """Put this process and all that it starts under a profile, for good.

    Names that this machine's libseccomp does not know are passed over, as engines do.
    """
    library = ctypes.CDLL(ctypes.util.find_library("seccomp") or "libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(
        library.seccomp_init(_action(profile["defaultAction"], profile["defaultErrnoRet"]))
    )
    for rule in profile["syscalls"]:
        action = _action(rule["action"], rule.get("errnoRet", 0))
        conditions = [
            _Comparison(
                given["index"], OPERATORS[given["op"]], given["value"], given.get("valueTwo", 0)
            )
            for given in rule.get("args", ())
        ]
        array = (_Comparison * len(conditions))(*conditions)
        for name in rule["names"]:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:
                _check(library.seccomp_rule_add_array(context, action, number, len(array), array))
    _check(library.seccomp_load(context))


def _action(name: str, errno: int) -> int:
    return ACTIONS[name] | (errno if name == "SCMP_ACT_ERRNO" else 0)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(-result, os.strerror(-result))


if __name__ == "__main__":
    confine(json.loads(Path(sys.argv[1]).read_text()))
    os.execvp(sys.argv[2], sys.argv[2:])
