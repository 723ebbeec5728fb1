# `make` alone lists what there is.
PROFILE ?= smoke
PY := .venv/bin/python
STAMP := .venv/.installed
AXE := .venv/axe-4.10.3.min.js
# as in helpers/run/execute.py, which says why
export MALLOC_MMAP_THRESHOLD_ ?= 4294967296
export MALLOC_TRIM_THRESHOLD_ ?= 4294967296
# Tests run in two processes: a thread that waits sleeps, and leaves its core to the other one. A
# notebook alone trains and attacks 1.4 times as fast with threads that spin, OpenMP's default.
test check: export OMP_WAIT_POLICY ?= PASSIVE
test check: export GOMP_SPINCOUNT ?= 0

.DEFAULT_GOAL := help
.PHONY: help env pins browser report run matrix book serve pdf axe ipynb check test pages mutations test-slow kills cover bench lint format readme clean

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## *' '{printf "  make %-9s %s\n", $$1, $$2}'

env: $(STAMP)  ## set up .venv with the pinned packages

$(STAMP): requirements.txt constraints.txt pyproject.toml
	test -x $(PY) || python3 -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check uv
	$(PY) -m uv pip install --quiet --compile-bytecode --python $(PY) -r requirements.txt -c constraints.txt
	$(PY) -m uv pip install --quiet --python $(PY) --no-deps --editable .
	touch $(STAMP)

pins: env  ## write constraints.txt anew from what .venv holds
	{ head -1 constraints.txt; $(PY) -m uv pip freeze --python $(PY) | grep -vE '^(uv==|-e )'; } > .pins.tmp
	mv .pins.tmp constraints.txt

browser:  ## install Chromium for the tests, if missing and possible
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && \
	  apt-get update -qq && apt-get install -y -qq chromium > /dev/null; } || \
	echo "no Chromium: install it to let the tests look at the pages"

report: env  ## run every notebook small on real images, then build the book
	$(PY) -m helpers.run --all --profile smoke
	$(PY) -m helpers.book

run: env  ## run one notebook: make run NAME=lrp_adversarial PROFILE=laptop
	$(PY) -m helpers.run $(NAME) --profile $(PROFILE)

matrix: env  ## run what is missing or stale of a grid: make matrix PROFILE=laptop JOBS=2
	$(PY) -m helpers.run --matrix --profile $(PROFILE) $(if $(JOBS),--jobs $(JOBS))

book: env  ## build the book from the runs that are there, running nothing
	$(PY) -m helpers.book

serve: env  ## show the built book at http://127.0.0.1:8000, to this machine only
	$(PY) -m http.server --bind 127.0.0.1 --directory _build/html 8000

pdf: book  ## print the book into one file, _build/html/book.pdf, by Chromium
	$(PY) -m helpers.book --pdf

axe: env  ## get axe-core by npm, if missing and possible, for the tests of accessibility
	@test -s $(AXE) || { command -v npm > /dev/null && \
	  npm pack --silent --pack-destination .venv axe-core@4.10.3 && \
	  tar -xzOf .venv/axe-core-4.10.3.tgz package/axe.min.js > $(AXE).part && mv $(AXE).part $(AXE); } || \
	echo "no axe-core: install npm to let the tests look at accessibility"

ipynb: env  ## copy the notebooks to notebooks/ipynb for plain Papermill (not committed)
	mkdir -p notebooks/ipynb
	set -e; for file in notebooks/*.py; do \
	  $(PY) -m jupytext --quiet --to ipynb --output notebooks/ipynb/$$(basename $$file .py).ipynb $$file; done

check: env lint  ## check the style and types, then run the fast tests
	$(PY) -m pytest -m "not slow"

# the two longest files first: the smoke runs of the notebooks, and the browser on every page
test: env browser axe lint  ## check the style and types, then run all tests, in two processes
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/test_notebooks.py tests/test_reader.py tests

pages: env  ## build the book and look at its pages in a browser, where there is one
	$(PY) -m pytest tests/test_book.py tests/test_pages.py

mutations: env  ## put faults into the code, one at a time, and see whether the tests notice
	$(PY) tests/mutations.py

test-slow: env  ## put faults in on purpose: kills, damages, bad inputs, forgeries, mutations; write the record
	PYTHONPATH=.:tests $(PY) -m reliability

kills: env  ## kill a matrix of real notebooks thirty times, and compare what it gives in the end
	PYTHONPATH=.:tests $(PY) tests/kills.py

cover: env  ## run the fast tests and show how much of helpers they cover
	$(PY) -m pytest -m "not slow" --cov --cov-report=term

bench: env  ## compare our speed with plain implementations
	PYTHONPATH=.:tests $(PY) tests/bench.py

lint: env  ## check style, layout and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: env  ## mend style and layout
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

readme: env  ## renew README's table of verdicts and the scorecard's data
	$(PY) -m helpers.book --readme

clean:  ## remove what is built; keep results, runs and downloads
	rm -rf _build book/_static book/_made/*.md .pytest_cache .ruff_cache .mypy_cache
