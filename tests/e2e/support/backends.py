"""Web servers behind the virtual addresses: each answers with its own name, so a test sees where a request went."""

from __future__ import annotations

from tests.cluster import Cluster
from tests.cluster.project_images import NGINX

TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, namespace: default}}
data:
  nginx.conf: |
    worker_processes 1;
    pid /tmp/nginx.pid;
    events {{}}
    http {{
      access_log off;
      client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
      uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
      server {{ listen 8080; location / {{ return 200 "{name}\\n"; }} }}
    }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {{node-role.kubernetes.io/control-plane: ""}}
      tolerations: [{{operator: Exists}}]
      containers:
      - name: web
        image: {image}
        imagePullPolicy: IfNotPresent
        command: [nginx, -g, "daemon off;", -c, /etc/web/nginx.conf]
        readinessProbe: {{httpGet: {{path: /, port: 8080}}, periodSeconds: 2, timeoutSeconds: 10, failureThreshold: 6}}
        volumeMounts: [{{name: config, mountPath: /etc/web}}]
      volumes: [{{name: config, configMap: {{name: {name}}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec:
  selector: {{app: {name}}}
  ports: [{{port: 80, targetPort: 8080}}]
"""
"""On the control plane, which no test cuts off: a fault of a worker takes the address, not the web server behind it."""


def backend(name: str) -> str:
    """Deployment, Service and configuration as YAML."""
    return TEMPLATE.format(name=name, image=NGINX)


def deploy(cluster: Cluster, *names: str) -> None:
    for name in names:
        cluster.apply(backend(name))
    for name in names:
        cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", "default", "--timeout=120s", timeout_s=150)


def remove(cluster: Cluster, *names: str) -> None:
    for name in names:
        cluster.delete(backend(name), "--wait=false")
