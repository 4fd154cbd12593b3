"""`python3 -m vipkeeper.engine`: the speaker container's command.

Tests: tests/netns/test_first_light.py.
"""

import sys

from vipkeeper.engine.guard import main

if __name__ == "__main__":
    sys.exit(main())
