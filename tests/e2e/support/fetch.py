"""`python -m tests.e2e.support.fetch URL`: one HTTP request; prints the status, then the body. Run as a client.

Exit 1 where nobody answers. The standard library, because a machine that runs the tests need not have curl.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

PATIENCE_S = 2.0


def main() -> int:
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=PATIENCE_S) as answer:
            print(answer.status, answer.read().decode(errors="replace"), sep="\n")
    except urllib.error.HTTPError as refusal:
        with refusal:
            print(refusal.status)
    except OSError as nobody:
        print(nobody, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
