"""vipkeeper: highly available virtual IP addresses for Kubernetes on bare metal.

This file stays empty of imports: the engine's memory and its pauses depend on what a bare `import vipkeeper` loads.
"""

__version__ = "0.1.0"
