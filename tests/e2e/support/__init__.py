"""What the end-to-end tests and the demo share: probes on the wire, a watch on the nodes' kernels, kubectl, the chart."""
