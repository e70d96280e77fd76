"""`python -m portal.local demo` runs the demonstration, `… reset` deletes its data."""

import os
import sys

from portal.local import supervisor
from portal.local.place import CHECKOUT
from portal.local.process import DidNotStart

COMMANDS = {"demo": supervisor.demo, "reset": supervisor.reset}


def main() -> int:
    command = COMMANDS.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if command is None:
        print(f"Usage: python -m portal.local {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    os.chdir(CHECKOUT)
    try:
        command()
    except (supervisor.CannotRun, DidNotStart) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    os.environ.setdefault("LOCAL", "1")
    sys.exit(main())
