ARG BASE=python:3.11-slim

# hadolint ignore=DL3006 # the base is an argument, with its tag
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python3 -m venv --without-pip /opt/stack-exporter && mkdir /state
COPY requirements.lock ./
# Wheels only: nothing is compiled, here or in the stage below.
RUN python3 -m pip --python /opt/stack-exporter/bin/python3 install --require-hashes --only-binary=:all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY exporter ./exporter
COPY alert_rules ./alert_rules
COPY docs/runbooks ./docs/runbooks
COPY dashboards/*.json ./dashboards/
RUN python3 -m pip --python /opt/stack-exporter/bin/python3 install --no-deps --no-build-isolation . \
    && python3 -m pip --python /opt/stack-exporter/bin/python3 uninstall --yes \
        editables hatchling packaging pathspec pluggy tomlkit trove-classifiers

# hadolint ignore=DL3006
FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="stack-exporter" \
      org.opencontainers.image.description="Is each thing a web application depends on healthy, how fast is it, and what is going wrong?" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/stack-exporter /opt/stack-exporter
# A volume that is made for it takes its owner over.
COPY --from=build --chown=65532:65532 /state /state
# The root file system may be read-only: byte code came with the installation, and state needs a volume, with STACK_EXPORTER_STORAGE_PATH=/state.
ENV PATH=/opt/stack-exporter/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
EXPOSE 9676 4318
# It reads variables alone: what is set by flags as the container's arguments, it does not see.
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD ["stack-exporter", "healthcheck"]
ENTRYPOINT ["stack-exporter"]
