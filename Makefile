# make help lists the targets. Everything here is also one command of its own.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Variables of `make conformance`; each is a flag of the program too.
TARGET ?=
CONFIG ?=
OUT ?=
ONLY ?=
STATE ?=
KNOWN ?=

flags = $(if $(TARGET),--target '$(TARGET)') $(if $(CONFIG),--config '$(CONFIG)') $(if $(OUT),--out '$(OUT)') \
	$(if $(ONLY),--only '$(ONLY)') $(if $(STATE),--state '$(STATE)') $(if $(KNOWN),--known-failures '$(KNOWN)')

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The commit goes into the version wherever git can tell it, whatever GOFLAGS says.
vcs = $(if $(shell git rev-parse --verify --quiet HEAD 2>/dev/null),true,false)

.PHONY: build
build: ## build ./byocheck
	go build -trimpath -buildvcs=$(vcs) -o byocheck .

.PHONY: conformance
conformance: build ## test a device: TARGET=host:port CONFIG=file ONLY='label filter' OUT=folder KNOWN=file; without a target the built-in reference SBC
	./byocheck conformance $(flags)

.PHONY: list
list: build ## list the scenarios
	./byocheck list

.PHONY: test
test: ## run the tests; needs Go and make only
	go test ./...

.PHONY: race
race: ## run the tests under the race detector; needs gcc
	CGO_ENABLED=1 go test -race ./...

.PHONY: bench
bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (10s)
	@set -e; for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
		echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(FUZZTIME),10s) -fuzzminimizetime 1s $$p; done; done

.PHONY: lint
lint: ## vet and staticcheck
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

.PHONY: soak
soak: build ## N runs (100) against the built-in reference SBC; no verdict may change
	suites/targets/soak $(or $(N),100)

.PHONY: check
check: build ## the real devices against what is known of them, and openssl beside it (root, Debian packages)
	unshare --net -- bash -euc 'ip link set lo up; suites/targets/check'

.PHONY: kamailio-up
kamailio-up: build ## start Kamailio and rtpengine as a device under test (root, Debian packages)
	suites/targets/kamailio/up

.PHONY: kamailio-down
kamailio-down: ## stop them
	suites/targets/kamailio/down

.PHONY: clean
clean: ## remove what make built and what byocheck wrote by default; the lab's state stays
	rm -rf byocheck byocheck-report byocheck-profile byocheck-roots
