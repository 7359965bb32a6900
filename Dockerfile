# syntax=docker/dockerfile:1
FROM node:22-trixie-slim AS ui
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY web/package.json web/
COPY test/browser/package.json test/browser/
# Only the UI's packages: the storage engine is a server of its own here.
RUN npm ci --workspace web
COPY web web
COPY api/openapi.yaml api/
RUN npm run build --workspace web

FROM golang:1.26-trixie AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=ui /src/web/dist web/dist
ARG VERSION=unknown
RUN go build -trimpath -ldflags "-s -w -X main.release=$VERSION" -o /phaseline ./cmd/phaseline

FROM debian:trixie-slim
RUN useradd --system --uid 10001 phaseline && install -d -o phaseline /var/lib/phaseline
COPY --from=build /phaseline /usr/local/bin/phaseline
COPY collector/container.yaml /etc/phaseline/config.yaml
USER phaseline
WORKDIR /var/lib/phaseline
VOLUME /var/lib/phaseline
EXPOSE 4317 4318 8321
ENTRYPOINT ["phaseline"]
CMD ["--config", "/etc/phaseline/config.yaml"]
