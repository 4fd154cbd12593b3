"""The operator: VirtualIPs in; ConfigMaps, DaemonSets, status and Events out.

    handlers (kopf) ──► state ──► reconcile.plan (pure) ──► changes ──► apply ──► API server
                          ▲                                               │
                          └────────── what the server answered ───────────┘

kopf only tells what happened. Everything is decided from the whole state, in one task, as often as something changed.
"""
