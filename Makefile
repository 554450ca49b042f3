# Everything a developer or an operator needs. `make run` and `make test` are
# the two to know.

GO      ?= go
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
TOOLS   := $(GO) tool -modfile=tools.mod
LDFLAGS := -s -w
# By its name not the one that go build takes by itself: with that each package
# is compiled twice wherever the daemon is built beside anything else.
PROFILE := cmd/supervisord/shipped.pgo
VERSION ?= 0.1.0
LINKS   := supervisorctl pidproxy echo_supervisord_conf

export CGO_ENABLED ?= 0

.PHONY: help build deb run test test-deb test-neighbours check bench profile benchparts fuzz install generate tools setup clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile

build: bin/supervisord ## build bin/supervisord, one static binary

bin/supervisord: $(shell find . -name '*.go' -not -name '*_test.go' -not -path './bin/*') go.mod $(PROFILE)
	$(GO) build -trimpath -pgo=$(PROFILE) -ldflags '$(LDFLAGS)' -o $@ ./cmd/supervisord

run: build ## build, and run the example in the foreground
	@./examples/run

install: build ## install to $(BINDIR), with links for supervisorctl and the others
	install -D -m 0755 bin/supervisord $(DESTDIR)$(BINDIR)/supervisord
	for link in $(LINKS); do ln -sf supervisord $(DESTDIR)$(BINDIR)/$$link; done

deb: build ## build the Debian package in bin/, in the place of Debian's supervisor
	@packaging/deb/build bin/supervisord $(VERSION) $$(dpkg --print-architecture) bin

setup: ## install what the tests need (Debian; as root)
	@./tools/setup

test: setup ## run all tests, the side-by-side suite against the real Supervisor included
	TWIDDLER_REQUIRE_REFERENCE=1 $(GO) test -timeout 20m ./...

test-neighbours: ## run the programs around Supervisor against both (Ansible, node_exporter and others), and a browser
	@./tools/setup-neighbours
	TWIDDLER_REQUIRE_NEIGHBOURS=1 $(GO) test -count=1 -timeout 10m ./neighbours
	TWIDDLER_REQUIRE_BROWSER=1 $(GO) test -count=1 -timeout 10m -run Browser ./internal/web

test-deb: ## install, upgrade and remove the Debian package in a copy of this system (as root)
	$(GO) test -count=1 -v ./packaging

check: ## gofmt, go vet, staticcheck, generated files, and all tests under the race detector
	@test -z "$$(gofmt -l .)" || { echo "gofmt wants to change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(TOOLS) staticcheck ./...
	$(GO) generate ./... && git diff --exit-code -- '*_gen.go' docs
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 30m ./...

bench: ## measure ours, the original and the machine side by side, and print the table (15 minutes)
	$(GO) test -c -o bin/bench ./bench
	bin/bench -long

profile: ## measure anew where the daemon spends its time, for the compiler (10 minutes)
	rm -rf bin/profiles && mkdir -p bin/profiles
	$(GO) build -tags profile -trimpath -o bin/profiles/supervisord ./cmd/supervisord
	$(GO) test -c -o bin/bench ./bench
	TWIDDLER_DAEMON=$(CURDIR)/bin/profiles/supervisord TWIDDLER_PROFILES=$(CURDIR)/bin/profiles \
		bin/bench -long -only 'start|rpc|info|twiddle|restart'
	$(GO) tool pprof -proto -output $(PROFILE) bin/profiles/supervisord bin/profiles/*.pprof

benchparts: ## run the Go benchmarks of the inner parts
	$(GO) test -run '^$$' -bench . -benchmem ./...

FUZZTIME ?= 30s
fuzz: ## run every fuzz target for FUZZTIME
	@$(GO) test -list '^Fuzz' ./... | awk '/^Fuzz/ {t[n++]=$$1} /^ok/ {for (i=0;i<n;i++) print $$2, t[i]; n=0}' | \
	while read pkg target; do echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; done

generate: ## write the method tables and references anew
	$(GO) generate ./...

clean: ## remove what was built
	rm -rf bin run
