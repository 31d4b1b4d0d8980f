# Slipway's verbs. Each is a script in tools/ or a line here; all of them may be run again at any time.
.PHONY: help up down build image test test-kube check format bench bench-kube deploy fuzz sim soak
.DEFAULT_GOAL := help
FLAVOUR ?= onnx
SECONDS_EACH ?= 60
SEEDS ?= 1000

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

up: ## set up, build, serve two example models and predict with them
	@tools/up

down: ## stop what `make up` started
	@tools/down

build: ## set up and build build/release/slipway
	@tools/setup build
	@tools/build release slipway

image: ## an OCI image of it, for Kubernetes (FLAVOUR=onnx; native is without ONNX Runtime)
	@tools/setup build image
	@tools/build release slipway
	@/usr/bin/python3 -B tools/image --flavour $(FLAVOUR)

test: ## every test: unit, fuzz replay, threads, end to end, documents
	@tools/test

test-kube: ## the platform on a real cluster: the one of KUBECONFIG, or one started from a bundle in ../shared/kube
	@tools/test kube

check: ## before each commit: format, layers, budgets, tidy, unit tests (CHECK_ALL=1: tidy on all files)
	@tools/check

format: ## format what clang-format would change
	@tools/setup build test
	@git ls-files -co --exclude-standard '*.h' '*.cc' | xargs clang-format-19 -i

bench: ## ratios against the floor and against other servers, with the command that makes them
	@tools/setup build test
	@tools/build release
	@tests/bench/run

deploy: ## write deploy/ anew: what `slipway install` makes
	@tools/setup build
	@tools/build release slipway
	@tools/deploy

bench-kube: ## what a real cluster makes of it: lost requests, first prediction, outages, 2,000 deployments, failover
	@tools/setup build test kube
	@$(MAKE) --no-print-directory image
	@tools/build release slipway_load
	@.deps/conformance/bin/python tests/kube/bench.py

fuzz: ## fuzz each parser for SECONDS_EACH=60 seconds
	@tools/setup build test
	@tools/fuzz $(SECONDS_EACH)

sim: ## the platform in simulated time: SEEDS=1000 seeds, or SEED=7 again with everything that happened
	@tools/setup build test
	@tools/build release sim
	@build/release/tests/sim/sim $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --jobs $$(nproc))

soak: ## the long forms: ten minutes of fuzzing a parser, 50,000 simulated seeds, long end-to-end tests, every perturbation and point to die at
	@tools/setup build test
	@tools/fuzz 600
	@$(MAKE) --no-print-directory sim SEEDS=50000
	@SLIPWAY_SOAK=1 tools/test e2e kube-api
