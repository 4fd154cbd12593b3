# One image for speaker, agent and controller; the command chooses: `vipkeeper speaker`, `vipkeeper agent`, ...
#
#   docker build -t vipkeeper/vipkeeper:0.1.0 .        the name and tag that the chart asks for by default
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
# /build/tools has pip and the build backend, with the version and hashes of the development environment; it stays
# behind. /opt/vipkeeper gets the dependencies and no pip. Left out of the client for Kubernetes: its second half, for
# asyncio, and its tests (70 MB that nothing here imports).
RUN sed -n '/^setuptools==/,/[^\\]$/p' /build/dev.txt > /build/backend.txt \
 && python3 -m venv /build/tools \
 && /build/tools/bin/pip install --require-hashes --requirement /build/backend.txt \
 && python3 -m venv --without-pip /opt/vipkeeper \
 && /build/tools/bin/pip --python /opt/vipkeeper/bin/python install --require-hashes --requirement /build/runtime.txt \
 && cd /opt/vipkeeper/lib/python3.*/site-packages && rm -rf kubernetes/aio kubernetes/test kubernetes/e2e_test

FROM dependencies AS package
COPY pyproject.toml README.md LICENSE /build/source/
COPY operator /build/source/operator
RUN /build/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/dist /build/source \
 && /build/tools/bin/pip --python /opt/vipkeeper/bin/python install --no-deps --no-index --prefix /build/installed /build/dist/*.whl

FROM ${BASE_IMAGE}
COPY --from=dependencies /opt/vipkeeper /opt/vipkeeper
COPY --from=package /build/installed /opt/vipkeeper
ENV PATH=/opt/vipkeeper/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1
ENTRYPOINT ["vipkeeper"]
