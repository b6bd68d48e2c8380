# GNU make. "make help" lists the targets.

.DEFAULT_GOAL := help
.PHONY: help chart setup build console screenshots cross test demo bench bench-compare fuzz lint fmt

# How long each fuzz target and each Go benchmark runs, and what the three
# tools are told: make bench BENCHTIME=1s LOADFLAGS='-rounds 3' SCALEFLAGS='-calls 100'
# S3FLAGS='-rounds 3'
FUZZTIME  ?= 10s
BENCHTIME ?= 1s
LOADFLAGS ?=
SCALEFLAGS ?=
S3FLAGS ?=

# The linters are a module of their own, so that their modules are not ours.
TOOL := go tool -modfile=tools/go.mod

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: ## install what tests and demo use and this machine lacks, through apt and npm
	@scripts/setup.sh

build: ## build bin/daypass
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/daypass ./cmd/daypass

cross: ## type-check the other systems' files, without compiling
	go run -C tools ./crosscheck $(CURDIR) windows/amd64 darwin/arm64

dist: ## all that is released, in dist/: six systems, archives, lists of parts, SHA256SUMS
	go run -C tools ./dist -module $(CURDIR) -out $(CURDIR)/dist $(DISTFLAGS)

dist-check: ## one system built in two clones and compared, and the licences of all modules
	cd tools && go test ./dist
	go run -C tools ./dist -module $(CURDIR) -check

image: ## the container image daypass, by podman or docker, without a registry
	@scripts/image.sh

image-test: ## the same, started and asked
	@scripts/image.sh test daypass-test

units: ## systemd reads the unit and rates it
	@scripts/units.sh

test: setup ## vet, and run all tests under the race detector
	@scripts/test.sh

chart: ## test the Helm chart, with Helm's own packages
	cd tools/helm && go vet ./... && go test -count=1 ./...

console: ## build the console's pages from console/ into internal/console/dist
	cd console && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --loglevel=error; }
	cd console && npm run --silent check && npm run --silent build -- --logLevel warn

screenshots: ## take the pictures of docs/images, in Chromium
	go test -count=1 -tags screenshots -run TestScreenshots ./internal/console/consoletest

demo: build ## the tutorial: an empty account, a job admitted, a job denied, and what each may read
	@scripts/setup.sh demo
	bin/daypass demo

bench: ## run the Go benchmarks, the loads on STS and S3, the large account, the record of requests, the client's start
	go test -run '^$$' -bench . -benchtime $(BENCHTIME) ./...
	go run ./bench/load $(LOADFLAGS)
	go run ./bench/load -with postgres $(LOADFLAGS)
	go run ./bench/load -with traces $(LOADFLAGS)
	go run ./bench/load -with sink $(LOADFLAGS)
	go run ./bench/s3 $(S3FLAGS)
	go run ./bench/scale $(SCALEFLAGS)
	go run ./bench/audit $(AUDITFLAGS)
	go run ./bench/start $(STARTFLAGS)

bench-compare: ## the decision beside cedar-go's and versitygw's, on the same rules
	cd bench/compare && go vet ./... && go test -bench . -benchtime $(BENCHTIME) ./...

fuzz: ## run each target of internal/fuzz.txt for FUZZTIME
	@scripts/fuzz.sh $(FUZZTIME)

lint: ## golangci-lint and gofumpt, built from tools/go.mod
	$(TOOL) golangci-lint run
	@unformatted=$$($(TOOL) gofumpt -l .); \
	if [ -n "$$unformatted" ]; then echo "not in gofumpt's format (make fmt):"; echo "$$unformatted"; exit 1; fi

fmt: ## rewrite the Go files in gofumpt's format
	$(TOOL) gofumpt -w .
