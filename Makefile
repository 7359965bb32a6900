# make run    install what is needed, build and start
# make demo   the same with two weeks of simulated traffic
# make test   every test        make lint   static analysis and formatting
# make build  ./bin/phaseline   make bench  side by side with peers

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# npm writes this file last, so it stands for a finished installation.
MODULES := node_modules/.package-lock.json
SENDERS := test/senders/node_modules/.package-lock.json
UI      := web/dist/index.html
UI_SRC  := $(shell find web/src web/public web/index.html web/vite.config.ts api/openapi.yaml 2>/dev/null)

.PHONY: run demo build binary ui test test-go test-accuracy test-e2e test-web test-browser lint format generate check-generated bench accuracy alerts-proof fuzz tools clean

run: build
	@./bin/phaseline

demo: build
	@./bin/phaseline demo

build: ui binary

# Go decides itself what is to be built again; a second time takes a second.
binary: tools
	@mkdir -p bin
	go build -ldflags "-X main.release=$(VERSION)" -o bin/phaseline ./cmd/phaseline

ui: tools $(UI)

$(UI): $(MODULES) $(UI_SRC)
	npm run --silent build --workspace web
	@touch $@

# A failed installation is removed, so that the next one starts clean.
$(MODULES): package.json package-lock.json web/package.json test/browser/package.json | tools
	npm ci --no-progress || { rm -rf node_modules; exit 1; }
	@touch $@

$(SENDERS): test/senders/package.json test/senders/package-lock.json | tools
	npm ci --no-progress --prefix test/senders || { rm -rf test/senders/node_modules; exit 1; }
	@touch $@

# Nothing is installed before everything that it takes is there.
tools:
	@missing=(); \
	need() { command -v "$$1" >/dev/null || missing+=("$$2"); }; \
	need go golang-go; need node nodejs; need npm npm; need gcc gcc; \
	if (( $${#missing[@]} )); then \
	  echo "make: not found: $${missing[*]}. On Debian: sudo apt-get install $${missing[*]}" >&2; exit 1; \
	fi; \
	node -e 'const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>20||(a==20&&b>=19)?0:1)' || \
	  { echo "make: node $$(node --version) is too old: 20.19 or newer is needed (Debian 13: nodejs; others: nodejs.org)" >&2; exit 1; }

test: build test-go test-accuracy test-e2e test-web test-browser

test-go: $(MODULES)
	go test -race -timeout 15m $$(go list ./... | grep -v -e /test/e2e -e /test/accuracy)

# Without the race detector, for which half a million spans are too many.
test-accuracy: $(MODULES)
	go test -timeout 15m ./test/accuracy

# After the others, since these tests hold whole processes to seconds.
test-e2e: binary $(MODULES) $(SENDERS)
	PHASELINE_BIN=$(CURDIR)/bin/phaseline go test -count=1 -timeout 10m ./test/e2e

test-web: $(MODULES)
	npm test --workspace web

test-browser: build
	PHASELINE_BIN=$(CURDIR)/bin/phaseline npm test --workspace test/browser

lint: $(MODULES)
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [[ -n "$$unformatted" ]]; then echo "gofmt is needed (make format):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	cd bench && go vet .
	go run $(STATICCHECK) ./...
	go test ./test/layout
	npm run lint --workspace web
	npm run check --workspace test/browser

format: $(MODULES)
	gofmt -w $$(git ls-files '*.go')
	npm run format --workspace web

generate: $(MODULES)
	go generate ./...
	npm run generate --workspace web

# Fails if what is generated is not what is committed.
check-generated: generate
	git diff --exit-code

bench: build
	$(MAKE) -C bench

# Holds what is stored against simulated truth; docs/accuracy.md is the result.
accuracy: $(MODULES)
	go test -count=1 ./test/accuracy -update

# Judges simulated months by the regression rule; docs/alerts.md has the table.
alerts-proof: tools
	go test -count=1 -timeout 2h ./test/alerts -run Proof -update

# A minute for each fuzz target; the corpus lies in testdata.
fuzz: tools
	@for package in $$(git grep -l 'func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -ho 'func Fuzz[A-Za-z0-9_]*' $$package/*_test.go | cut -c6-); do \
	    go test -run '^$$' -fuzz "^$$target$$" -fuzztime 1m ./$$package; \
	  done; \
	done

clean:
	rm -rf bin node_modules test/senders/node_modules web/dist/*
