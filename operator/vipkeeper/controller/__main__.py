"""`python3 -m vipkeeper.controller`: settings, probes, the reconcile task, and kopf.

Environment: `POD_NAMESPACE` (the operator's namespace), `VIPKEEPER_SETTINGS` [/etc/vipkeeper/settings.yaml],
`VIPKEEPER_LOG_LEVEL` [Info], `VIPKEEPER_PROBE_PORT` [8080]. SIGTERM ends it at once and touches nothing: speakers need
no operator.

Tested as a process: tests/e2e/test_controller_with_its_own_api_server.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

from vipkeeper import __version__
from vipkeeper.controller.api import ApiRefused, ApiServer, ApiUnreachable
from vipkeeper.controller.evictions import EvictionWatch
from vipkeeper.controller.framework import OncePerOutage, supervise
from vipkeeper.controller.kinds import SPEAKER, VIRTUALIP
from vipkeeper.controller.loop import Reconciler
from vipkeeper.controller.probes import serve_probes
from vipkeeper.spec.settings import BadSettings, OperatorSettings, parse_settings

log = logging.getLogger("vipkeeper.controller")

_CRD_POLL_S = 2.0


def main() -> int:
    _set_up_logging(os.environ.get("VIPKEEPER_LOG_LEVEL", "Info"))
    path = Path(os.environ.get("VIPKEEPER_SETTINGS", "/etc/vipkeeper/settings.yaml"))
    try:
        settings = parse_settings(path.read_text())
        namespace = os.environ["POD_NAMESPACE"]
    except (OSError, BadSettings) as error:
        log.error("%s: %s", path, error)
        return 2
    except KeyError as error:
        log.error("environment variable %s is not set: it names the operator's namespace", error)
        return 2
    log.info("vipkeeper controller %s in namespace %s", __version__, namespace)
    asyncio.run(_run(settings, namespace, int(os.environ.get("VIPKEEPER_PROBE_PORT", "8080"))))
    return 0


async def _run(settings: OperatorSettings, namespace: str, probe_port: int) -> None:
    api = ApiServer(namespace)
    loop = asyncio.get_running_loop()

    def tell(node: str) -> None:
        loop.call_soon_threadsafe(reconciler.evicted, node)

    evictions = EvictionWatch(lambda: ApiServer(namespace), tell)
    reconciler = Reconciler(api, settings, evictions.watch)
    probes = await serve_probes(reconciler, probe_port)
    await _wait_for_crds(api, reconciler)
    task = asyncio.create_task(reconciler.run(), name="reconciler")
    try:
        await supervise(reconciler, namespace)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await probes.cleanup()
        api.close()


async def _wait_for_crds(api: ApiServer, reconciler: Reconciler) -> None:
    """kopf looks for the kinds once, when it starts; so they must be there."""
    told = ""
    while True:
        try:
            for kind in (VIRTUALIP, SPEAKER):
                await asyncio.to_thread(api.list, kind)
            return
        except (ApiRefused, ApiUnreachable) as error:
            if str(error) != told:
                told = str(error)
                log.warning("waiting for the CRDs: %s", error)
        reconciler.alive()
        await asyncio.sleep(_CRD_POLL_S)


def _set_up_logging(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(OncePerOutage())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for library in ("kopf", "kubernetes", "urllib3", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
