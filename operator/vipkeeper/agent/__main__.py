"""`python3 -m vipkeeper.agent`."""

import sys

from vipkeeper.agent.main import main

sys.exit(main())
