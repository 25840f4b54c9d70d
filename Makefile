# Matrix code is 17 to 35 times slower without SIMD, and the pinned Go is fetched when the installed one is older.
export GOTOOLCHAIN := auto
export GOEXPERIMENT := simd
export GOFLAGS :=
# Cells are built without cgo; building everything so lets them share one build cache.
export CGO_ENABLED := 0

PYTHON ?= /usr/bin/python3
BENCHTIME ?= 2s

.PHONY: help quickstart test lint bench lab clean pare
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

pare: ## build the command ./pare
	go build -o pare .

quickstart: pare ## run the first notebook: open, calibrate, compress, measure, and list what was tried
	./pare run notebooks/01_quickstart.ipynb
	./pare trials

test: ## run every test
	go test -timeout 30m ./...

lint: ## gofmt, go vet and staticcheck
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "gofmt -w $$files"; exit 1; fi
	go vet ./...
	@if command -v cc >/dev/null; then echo go vet -tags xla ./gomlxops/; CGO_ENABLED=1 go vet -tags xla ./gomlxops/; \
	else echo "lint: no C compiler here, so the build with XLA is not checked"; fi
	go tool staticcheck ./...

bench: ## speed of training, forward pass and linear algebra, next to PyTorch and NumPy where Python has them
	PYTHON=$(PYTHON) BENCHTIME=$(BENCHTIME) sh .ci/bench

lab: pare ## open the notebooks in Jupyter with pare's kernel
	@command -v jupyter >/dev/null || { echo "make lab: no 'jupyter' on PATH; install JupyterLab, or use the Dockerfile"; exit 1; }
	./pare kernel install --prefix .pare/jupyter
	@if jupyter lab --version >/dev/null 2>&1; then app=lab; else app=notebook; fi; \
	JUPYTER_PATH=$(CURDIR)/.pare/jupyter/share/jupyter jupyter $$app --notebook-dir=notebooks

clean: ## remove what was built and run here; the tracker in .pare stays
	rm -rf pare out .pare/jupyter
