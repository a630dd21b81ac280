# Any image with Python 3.11 or newer will do; both stages have to start from the same one.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# Behind a proxy with its own certificates: mount them for the build and name the file. Nothing of it is kept.
ARG PIP_CERT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/chatbridge
WORKDIR /src
# The dependencies come first: a change of ours does not install them anew.
COPY requirements.lock ./
RUN /opt/chatbridge/bin/pip install --no-deps --require-hashes --report /installed.json -r requirements.lock
COPY . .
# What only builds and installs stays behind.
RUN /opt/chatbridge/bin/pip install --no-deps --no-build-isolation . \
    && /opt/chatbridge/bin/pip uninstall --yes hatchling pathspec pluggy trove-classifiers \
    && /opt/chatbridge/bin/pip check \
    && /opt/chatbridge/bin/pip uninstall --yes pip \
    && /opt/chatbridge/bin/python scripts/container/sbom.py /installed.json > /sbom.cdx.json

FROM ${BASE}
ARG BASE
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="chatbridge" \
      org.opencontainers.image.description="Holds one scheduled hashtag chat on Mastodon, Bluesky and Slack at once." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
# The base's own pip goes. Python's official images have no bytecode, which on a read-only root would be made anew at
# every start and every health check. /data has the journal, the logins and config.toml: all that has to outlive the
# container, whoever it runs as.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* \
    && python3 -m compileall -q -x '/(test|tests|idlelib|lib2to3)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && mkdir -m 777 /data
COPY --from=build /opt/chatbridge /opt/chatbridge
COPY --from=build /sbom.cdx.json /usr/share/doc/chatbridge/
# In a container it is the published port that decides who may reach the page.
ENV PATH=/opt/chatbridge/bin:$PATH PYTHONUNBUFFERED=1 CHATBRIDGE_HOST=0.0.0.0
VOLUME /data
WORKDIR /data
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["chatbridge", "health"]
ENTRYPOINT ["chatbridge"]
CMD ["run", "--stay", "--config", "/data/config.toml"]
