# One image for speaker, agent and controller; the command chooses: `vipkeeper engine`, `vipkeeper agent`, ...
#
#   docker build -t vipkeeper/vipkeeper:dev .
#
# Where there is no registry, `python -m tests.cluster images` builds the same file on a Debian root with Python
# (BASE_IMAGE), from wheels that were downloaded and checked before (WHEELS, PIP_NO_INDEX), without a network.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS dependencies
ARG WHEELS=requirements
ARG PIP_NO_INDEX=
COPY requirements/runtime.txt requirements/dev.txt /build/
COPY ${WHEELS} /build/wheels
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_FIND_LINKS=/build/wheels
RUN python3 -m venv /opt/vipkeeper \
 && /opt/vipkeeper/bin/pip install --require-hashes --requirement /build/runtime.txt \
 && find /opt/vipkeeper -path '*/kubernetes/test' -prune -exec rm -rf {} +

# The build backend with the version and hashes of the development environment, and then the package alone.
FROM dependencies AS package
ARG PIP_NO_INDEX=
RUN sed -n '/^setuptools==/,/[^\\]$/p' /build/dev.txt > /build/backend.txt \
 && python3 -m venv --system-site-packages /build/backend \
 && /build/backend/bin/pip install --require-hashes --requirement /build/backend.txt
COPY pyproject.toml README.md LICENSE /build/source/
COPY operator /build/source/operator
RUN /build/backend/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/dist /build/source \
 && /opt/vipkeeper/bin/pip install --no-deps --no-index --prefix /build/installed /build/dist/*.whl

FROM ${BASE_IMAGE}
RUN command -v nft > /dev/null \
 || { apt-get update && apt-get install -y --no-install-recommends nftables && rm -rf /var/lib/apt/lists/*; }
COPY --from=dependencies /opt/vipkeeper /opt/vipkeeper
COPY --from=package /build/installed /opt/vipkeeper
ENV PATH=/opt/vipkeeper/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1
ENTRYPOINT ["vipkeeper"]
