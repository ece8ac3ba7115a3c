"""Says in one sentence that this Python will not do. Written so that very old Pythons can read it too."""

import sys

LOWEST = (3, 11)
FIRST_TOO_NEW = (3, 15)


def complaint(version):
    """The sentence for an unsupported version tuple, an empty string for a supported one."""
    if LOWEST <= tuple(version[:2]) < FIRST_TOO_NEW:
        return ""
    found = ".".join(str(number) for number in version[:2])
    return (
        "This is Python " + found + ", and Media Feature Extractor needs 3.11 to 3.14: "
        "install one of these and name it, as in `make run PYTHON=python3.11`."
    )


def require_python():
    """End the program with that sentence, or go on."""
    sentence = complaint(sys.version_info)
    if sentence:
        sys.stderr.write(sentence + "\n")
        raise SystemExit(1)
