# Pennate as a BIDS-App, from Debian and locked wheels alone. How to build and run: docs/containers.md
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3-venv
ARG LOCK=envs/lock.txt
COPY envs/install.sh envs/lock*.txt /src/envs/
# The secrets, if there are any, lead pip to a mirror; they stay in no layer.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    sh /src/envs/install.sh packages "/src/${LOCK}" /opt/pennate
COPY . /src
RUN sh /src/envs/install.sh pennate /src /opt/pennate

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Pennate" \
      org.opencontainers.image.description="3-D architectural muscle maps of the lower leg; research use only" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="BSD-3-Clause"
# Python, and Mesa for pictures without a screen; and nobody becomes root by a program.
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 libegl1 libegl-mesa0 libgl1 libsm6 libxext6 \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
COPY --from=build /opt/pennate /opt/pennate
# /tmp takes the caches of whoever runs it; all else may be read-only.
ENV PATH=/opt/pennate/bin:/usr/bin:/bin HOME=/tmp LC_ALL=C.UTF-8
WORKDIR /tmp
USER 1000:1000
ENTRYPOINT ["pennate"]
