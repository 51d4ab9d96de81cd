# Tocsin. "make help" lists the targets.

DATA    ?= data
LISTEN  ?= 127.0.0.1:8080
DIST    ?= dist
SCREENSHOTS ?= screenshots
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Reproducible: nothing of the machine, the directory or the time goes in.
BUILD = CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.buildVersion=$(VERSION)"

.PHONY: help build run test tour check unit deps screenshots fuzz bench bench-onion deb test-deb clean

help:
	@echo 'make run    build, set up an organisation in DATA=$(DATA) if there is none, serve on LISTEN=$(LISTEN) and DESK, 363 ports above'
	@echo 'make test   everything that must hold: vet, staticcheck, all tests with the race detector, the tour'
	@echo 'make tour   the whole way with the real programs, from a report to the police and the auditor'
	@echo 'make screenshots  every page in every language, and the witness'"'"'s way, as pictures in SCREENSHOTS=$(SCREENSHOTS)'
	@echo 'make build  bin/intake, bin/triage, bin/audit'
	@echo 'make deb    the Debian package of the intake, DIST=$(DIST)/tocsin-intake.deb'
	@echo 'make test-deb  install the package on a bare Debian, boot that and use it; needs root'
	@echo 'make fuzz   each fuzz target for TIME=30s'
	@echo 'make bench  the benchmarks'
	@echo 'make bench-onion  what the onion service costs, against a plain tor in the same private network'
	@echo 'make clean  remove bin/ and dist/'

build:
	@mkdir -p bin
	@$(BUILD) -o bin/ ./cmd/intake ./cmd/triage ./cmd/audit

# age's own programs, at the version that go.mod pins: the outside judges.
age:
	@mkdir -p bin
	@go build -trimpath -o bin/ filippo.io/age/cmd/age filippo.io/age/cmd/age-keygen

.PHONY: age

run: build age
	@DATA='$(DATA)' LISTEN='$(LISTEN)' DESK='$(DESK)' demo/run.sh

tour: build age
	@demo/tour.sh

test: deps check unit tour

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt'd: $$unformatted" >&2; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# The end-to-end tests start the real programs as they are built for use. So do the
# scripts of cmd/triage, hundreds of times: what they run is package triage, whose
# own tests have the race detector. triage/view is tested in both ways: see
# triage/view/race_test.go.
unit:
	go test -race -timeout 20m $$(go list ./... | grep -v '/cmd/triage$$')
	go test -timeout 20m ./cmd/triage ./triage/view

deps:
	@demo/deps.sh

screenshots:
	@demo/deps.sh screenshots
	TOCSIN_SCREENSHOTS='$(abspath $(SCREENSHOTS))' go test -count=1 -timeout 30m -run 'TestWitnessInABrowser|TestEveryPage' ./e2e

fuzz:
	@demo/fuzz.sh $(or $(TIME),30s)

bench:
	go test -run '^$$' -bench . -benchtime 2s $$(go list ./... | grep -v '/e2e$$')

bench-onion:
	@demo/deps.sh
	go test -run '^$$' -bench Onion -benchtime 1x -timeout 9m ./e2e

deb:
	@mkdir -p $(DIST)
	@$(BUILD) -o $(DIST)/intake ./cmd/intake
	@DIST='$(DIST)' VERSION='$(VERSION)' deploy/deb.sh

# Behind the build tag debian, because it needs root.
test-deb:
	@demo/deps.sh deb
	go vet -tags debian ./deploy
	go tool staticcheck -tags debian ./deploy
	go test -tags debian -count=1 -v -run TestOnABareDebian ./deploy

clean:
	rm -rf bin dist
