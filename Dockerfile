# One image for the worker, the page and the API, and the command line:
#   docker run IMAGE                                the worker
#   docker run IMAGE email-activity web --host 0.0.0.0
#   docker run IMAGE email-activity status ...      the command line
# What only the page and the report need (the extra `web`) is 5 MB of its 72 MB of packages.

# A tag may be built anew by others at any time. For an image that can be built again, give the digest of the day:
#   docker buildx imagetools inspect python:3.13-slim-bookworm
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim-bookworm@sha256:... .
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/app
WORKDIR /src
# The locked dependencies first: a change of the code does not install them again.
COPY requirements.lock ./
RUN /opt/app/bin/python -m pip install --no-deps --require-hashes --requirement requirements.lock
# What builds the wheel is locked too, and stays out of the image.
COPY requirements-build.lock ./
RUN python -m pip install --no-deps --require-hashes --requirement requirements-build.lock
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/app/bin/python -m pip install --no-deps /dist/*.whl \
    && /opt/app/bin/python -m pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes' runAsNonRoot can see that it is not root.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app
COPY --from=build /opt/app /opt/app
USER 10001:10001
WORKDIR /tmp
# SIGTERM lets Celery finish what it holds. Exec form: no shell stands between it and Celery.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["email-activity", "health"]
CMD ["celery", "-A", "email_activity", "worker", "--without-gossip", "--without-mingle"]
