# docker-mcp over HTTP: two static programs on a small base, as nobody in particular.
#
#   docker build -t docker-mcp .                          compiles it (needs the crates registry)
#   docker build -t docker-mcp --target packed -f Dockerfile DIR
#                                                         takes DIR/docker-mcp as it is; DIR/state is an empty folder
#
# Whoever reaches the engine's socket is as good as root on the host. Put a socket proxy before it, as
# examples/deploy/compose.yaml does; without one, mount the socket and add its group: --group-add "$(stat -c %g /var/run/docker.sock)".

# What it runs on: for the certificates of public authorities. Any base will do that has what the program links with; a static
# one needs nothing (BASE=scratch), and none needs a shell.
ARG BASE=alpine:3.22
# Where /docker-compose comes from, for docker_compose_up, _config, _pull and _build. 2.24 or later.
ARG COMPOSE=docker/compose-bin:v2.40.3
ARG RUST=rust:1.95-slim-bookworm

FROM ${COMPOSE} AS compose

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="docker-mcp" \
      org.opencontainers.image.description="An MCP server that gives an AI agent eyes and hands on Docker, governed and without hangs" \
      org.opencontainers.image.licenses="MIT"
# Compose runs by itself as well: no docker CLI is needed.
COPY --from=compose /docker-compose /usr/local/bin/docker-compose
WORKDIR /
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    HOME=/var/lib/docker-mcp \
    XDG_STATE_HOME=/var/lib \
    XDG_CONFIG_HOME=/etc
# /etc/docker-mcp/config.toml is looked at; without one it refuses to serve beyond the loopback.
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s --retries=3 \
    CMD ["docker-mcp", "health", "--at", "127.0.0.1:8080"]
ENTRYPOINT ["docker-mcp"]
CMD ["serve", "--http", "0.0.0.0:8080"]

# A program that was built elsewhere.
FROM runtime AS packed
COPY docker-mcp /usr/local/bin/docker-mcp
# The only folder that it writes to: audit log, confirmations, cooldowns. A new volume takes its owner from it.
COPY --chown=10001:10001 state /var/lib/docker-mcp
VOLUME ["/var/lib/docker-mcp"]
USER 10001:10001

# Static against glibc and not musl: the toolchain at hand can do it, and no further target must be fetched. Since 2.34 glibc
# looks up files and DNS without loading anything, which is all that a container needs. The target is named, so that the flag
# is not meant for build scripts and macros, which cannot be static.
FROM ${RUST} AS build
RUN command -v cc >/dev/null || { apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev; }
WORKDIR /src
COPY . .
RUN target="$(rustc -vV | sed -n 's/^host: //p')" && \
    RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --release --bin docker-mcp --target "$target" && \
    mkdir -p /out/state && mv "target/$target/release/docker-mcp" /out/docker-mcp

FROM runtime
COPY --from=build /out/docker-mcp /usr/local/bin/docker-mcp
COPY --from=build --chown=10001:10001 /out/state /var/lib/docker-mcp
VOLUME ["/var/lib/docker-mcp"]
USER 10001:10001
