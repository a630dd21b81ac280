# Any image with Python 3.11 or newer will do; both stages have to start from the same one.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# Behind a proxy with its own certificates: mount them for the build and name the file. Nothing of it is kept.
ARG PIP_CERT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/chatbridge
WORKDIR /src
COPY requirements.lock ./
RUN /opt/chatbridge/bin/pip install --no-deps --require-hashes -r requirements.lock
COPY . .
# What only builds and installs stays behind.
RUN /opt/chatbridge/bin/pip install --no-deps --no-build-isolation . \
    && /opt/chatbridge/bin/pip uninstall --yes hatchling pathspec pluggy trove-classifiers \
    && /opt/chatbridge/bin/pip check \
    && /opt/chatbridge/bin/pip uninstall --yes pip

FROM ${BASE}
LABEL org.opencontainers.image.title="chatbridge" \
      org.opencontainers.image.description="Holds one scheduled hashtag chat on Mastodon, Bluesky and Slack at once." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/chatbridge /opt/chatbridge
ENV PATH=/opt/chatbridge/bin:$PATH PYTHONUNBUFFERED=1
# The journal, the sessions and config.toml: all that has to outlive the container.
RUN mkdir /data && chown 10001:10001 /data && chmod 700 /data
VOLUME /data
WORKDIR /data
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["chatbridge", "health"]
ENTRYPOINT ["chatbridge"]
CMD ["run", "--stay", "--config", "/data/config.toml"]
