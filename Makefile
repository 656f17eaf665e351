# What can be done here. Everything but test needs only Go; test installs
# chromium and PostgreSQL on Debian when they are missing.

GO        ?= go
FUZZTIME  ?= 60s
BENCH     ?= .
BENCHTIME ?= 1s
ROWS      ?= 1000
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
TOOL       = $(GO) tool -modfile=.ci/tools/go.mod

.PHONY: help demo test needs vet lint bench efficiency portals fuzz pictures build

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: ## the app, a portal of our own and a sample file, at the printed address
	CGO_ENABLED=0 $(GO) run ./app demo

test: needs vet ## every test there is, with the race detector, in a browser and on both databases
	$(GO) test -race -tags browser -shuffle=on -timeout 60m ./...

needs:
	@.ci/needs

vet:
	$(GO) vet -tags browser ./...

lint: ## gofmt, golangci-lint and staticcheck; silent when all is well
	@$(TOOL) golangci-lint fmt --diff
	@$(TOOL) golangci-lint run
	@$(TOOL) staticcheck -tags browser ./...

bench: ## all benchmarks, or those that match BENCH, each for BENCHTIME
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime '$(BENCHTIME)' -benchmem -timeout 2h ./...

efficiency: ## imports of ROWS rows in virtual time, against what the limits allow
	$(GO) test ./app/importer -run TestEfficiency -v -efficiency $(ROWS) -timeout 4h

portals: ## imports of a thousand portals side by side
	$(GO) test ./app/importer -run TestManyPortals -v -portals 1000 -timeout 30m

fuzz: ## every fuzz target for FUZZTIME
	@GO='$(GO)' FUZZTIME='$(FUZZTIME)' .ci/fuzz

pictures: ## the icon and the screenshots of the Market card, drawn anew into docs/market
	@.ci/needs
	MARKET='$(CURDIR)/docs/market' $(GO) test -tags browser -count=1 -run 'TestMarketPictures$$' ./app

build: ## one static program with everything inside, bin/spa-importer
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.stamped=$(VERSION)' -o bin/spa-importer ./app
