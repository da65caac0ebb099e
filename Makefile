# Two commands do everything: `make book` and `make test`. `make` lists the rest.
#
# PROFILE  which notebooks/profiles/<profile>.yml to build (demo)
# CORES    how many notebooks may run at once, one thread each (all cores)
# GPUS     GPUs of this machine, one for each notebook that trains (none assigned)
# CLUSTER  an executor of Snakemake and its options, instead of this machine
# SETTINGS further settings of the Snakefile, as name=value
# PYTHON   the interpreter that makes the environment: 3.11, 3.12 or 3.13
# VENV     the environment's folder; a conda environment is used as it is
# TORCH    what pip is told to install as torch, before everything else. Its build
#          differs by machine, so it is no part of the lock. On Linux the default
#          brings CUDA; for a machine without a GPU name the index of CPU builds:
#          TORCH="torch==2.13.0 --index-url <that index>", or a wheel's path.
SHELL := bash
PROFILE ?= demo
CORES ?= all
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0

# glibc's malloc keeps what large arrays give back instead of returning it to the system,
# which would have to bring every page of the next array again. `make bench` measures it.
export MALLOC_TRIM_THRESHOLD_ := 1073741824
export MALLOC_MMAP_THRESHOLD_ := 33554432

# What somebody's shell exports for other programs changes nothing here: these are read
# from the command line alone, and our own code comes before any other on Python's path.
$(foreach v,ACCEPT AGAINST ARGS CLUSTER COMMIT DATA NAME OUT SETTINGS SYSTEM,\
	$(if $(filter environment,$(origin $v)),$(eval $v :=)))
$(if $(filter environment,$(origin PROFILE)),$(info PROFILE=$(PROFILE), from the environment))
unexport PYTHONSAFEPATH PYTHONHOME PYTHONOPTIMIZE SNAKEMAKE_PROFILE
export PYTHONPATH := $(CURDIR)
$(if $(word 2,$(VENV)),$(error VENV=$(VENV): make cannot follow a path with a space))

BIN := $(VENV)/bin
READY := $(VENV)/.installed
# Our own lock instead of Snakemake's, which outlives a run that was killed.
SNAKEMAKE := XDG_CACHE_HOME="$(CURDIR)/_build/.cache" \
	$(BIN)/python -m book.pipeline.alone _build/.lock $(BIN)/python -m snakemake \
	--cores $(CORES) $(if $(CLUSTER),--executor $(CLUSTER)) \
	$(if $(GPUS),--resources gpu=$(GPUS)) --scheduler greedy --nolock \
	--config profile=$(PROFILE) $(if $(GPUS),gpus=$(GPUS)) $(SETTINGS) \
	--quiet rules host progress reason --rerun-incomplete \
	--max-checksum-file-size 100000000
# Less what Snakemake says however quiet it is told to be.
SAY_LESS := 2> >(sed -E '/^(Assuming unr|Building DAG|Using shell|Select jobs|Execute [0-9]|Complete log|Elapsed time|Nothing to be done|Shutting down|Exiting because)/d; /^RuleException:/,/returned non-zero/d' >&2)

.DEFAULT_GOAL := help
# Every target that says what it does.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' Makefile

book: $(READY) ## run every notebook that is out of date, then build _build/html/index.html
	@$(SNAKEMAKE) site $(SAY_LESS)
	@echo "open _build/html/index.html"

site: $(READY) ## build the site again from what notebooks left, as in an unpacked release; runs none
	@$(SNAKEMAKE) site --allowed-rules site --force $(SAY_LESS)

notebook: $(READY) ## run one notebook and what it needs: make notebook NAME=02_data
	@$(SNAKEMAKE) _build/notebooks/$(PROFILE)/$(NAME).ipynb $(SAY_LESS)

test: $(READY) ## run the tests; SLOW=1 includes the slow ones, SLOW=trust those that CI runs
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 \
		$(if $(filter-out trust,$(SLOW)),,-m "not slow$(if $(SLOW), or trust)")

verify: $(READY) ## the verdict of every claim; AGAINST=<folder> compares two runs, ACCEPT=1 commits to this one
	@$(BIN)/python -m book.site.verify --profile $(PROFILE) \
		$(if $(AGAINST),--against "$(AGAINST)") $(if $(ACCEPT),--accept)

# COMMIT's files (by default the last commit's, which must be all that there is), and
# what notebooks left; nothing of _build/data or _build/runs.
STAGE := _build/release
LEFT = _build/notebooks/$(PROFILE) _build/results/$(PROFILE) _build/pictures/$(PROFILE) book/rendered
release: $(READY) ## one archive ready for a DOI: sources, results, films, metadata, checksums; after make book
	@test -n "$(COMMIT)" || test -z "$$(git diff HEAD --name-only; \
		git ls-files --others --exclude-standard book chexnomaly notebooks)" \
		|| { echo "commit first: the archive holds what is committed" >&2; exit 2; }
	@$(BIN)/python -m book.pipeline.gate $(foreach n,$(notdir $(wildcard notebooks/*.ipynb)),\
		_build/notebooks/$(PROFILE)/$n notebooks/$n)
	@rm -rf $(STAGE) && mkdir -p $(STAGE) && git archive --output=$(STAGE).tar $(or $(COMMIT),HEAD)
	@tar -xf $(STAGE).tar -C $(STAGE) && rm $(STAGE).tar
	@tar -cf - $(LEFT) | tar -xf - -C $(STAGE)
	@$(BIN)/python -m book.site.release $(PROFILE) $(STAGE) _build/chexnomaly.zip
	@rm -rf $(STAGE)

pdf: $(READY) ## print the whole book, once it is built, as _build/html/book.pdf, with a button in front
	@$(BIN)/python -m book.site.pdf _build/html/book.pdf

check: $(READY) ## count the built site's words, then look at it in a browser: errors, axe, links, weight
	@$(BIN)/python -m tests.book.words _build/html
	@$(BIN)/python -m book.site.check _build/html

lab: $(READY) ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks \
		--ServerApp.contents_manager_class=book.extensions.lab.PlainNotebooks

lint: $(READY) ## check style, notebooks included, and that no notebook holds outputs
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb

format: $(READY) ## mend what lint finds, where that can be done by machine
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	@$(BIN)/nbstripout --keep-id notebooks/*.ipynb

lock: $(READY) ## write requirements.lock anew from pyproject.toml; UPGRADE=1 for newer versions
	@$(BIN)/uv pip compile pyproject.toml --output-file requirements.lock \
		--all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --quiet \
		--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

bench: $(READY) ## time what must stay fast beside others, KEEP=1 for the book; QUICK=1 only the unit of other times
ifdef QUICK
	@OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks/quick.py
else
	@mkdir -p _build/bench
	@for script in tests/benchmarks/bench_*.py; do \
		OMP_NUM_THREADS=1 $(BIN)/python $$script \
			--out _build/bench/$$(basename $$script .py).json || exit 1; done
	@$(BIN)/python tests/benchmarks/print_ratios.py _build
	@$(if $(KEEP),mkdir -p book/reference/bench && cp _build/bench/bench_*.json book/reference/bench)
endif

timings: $(READY) ## processor seconds of a cold build by stage; KEEP=1 keeps them for the book
	@mkdir -p _build/bench
	@$(BIN)/python tests/benchmarks/time_build.py _build/bench/timings_$(PROFILE).json $(PROFILE) \
		$(MAKE) book PROFILE=$(PROFILE) VENV=$(abspath $(VENV)) -o $(abspath $(READY))
	@$(if $(KEEP),cp _build/bench/timings_$(PROFILE).json book/reference/bench)

TRY_TWINS = OMP_NUM_THREADS=1 $(BIN)/python -m tests.twins.trials --runs _build/runs/twins --out book/reference/twins
SINGLE = one_film_cnn one_film_unet
WARM = siamese_cnn__warm_start siamese_unet__warm_start
twins: $(READY) ## train again what the page on twins reads, into book/reference/twins; after make book
	@$(TRY_TWINS) phantoms --data _build/data/demo/vindr --systems $(SINGLE) $(WARM) siamese_cnn siamese_unet
	@$(TRY_TWINS) phantoms --data _build/data/demo/vindr --entries --systems $(SINGLE) $(WARM)
	@$(TRY_TWINS) films --data _build/data/demo/nih --entries --systems $(SINGLE)

study: $(READY) ## every missing cell of the studies, then results: WORLD=films alone, ARGS="--minutes 60 --only supermodel*", ARGS=--write
	@for world in $(or $(WORLD),phantoms films); do OMP_NUM_THREADS=1 $(BIN)/python \
		-m chexnomaly.studies.run $$world --out book/reference/study $(ARGS) || exit 1; done

system: $(READY) ## train one system alone, and what it builds on: make system SYSTEM=supermodel__soft_boxes
	@$(SNAKEMAKE) _build/notebooks/$(PROFILE)/02_data.ipynb $(SAY_LESS)
	@OMP_NUM_THREADS=1 $(BIN)/python -m chexnomaly.systems $(SYSTEM) --profile $(PROFILE)

data: $(READY) ## fetch a data set: make data NAME=rsna OUT=/data/rsna shows its terms; ACCEPT_TERMS=1 fetches
	@$(BIN)/python -m chexnomaly.datasets.sources.download $(NAME) --out "$(OUT)" \
		$(if $(ACCEPT_TERMS),--accept-terms)

paper: $(READY) ## the book on real films: make paper DATA=/data, which holds vindr/ and rsna/
	@test -d "$(DATA)/vindr" && test -d "$(DATA)/rsna" \
		|| { echo "make paper DATA=<folder>: expected vindr/ and rsna/ in it" >&2; exit 2; }
	@folder=$$(cd "$(DATA)" && pwd) && CHEXNOMALY_VINDR="$$folder/vindr" \
		CHEXNOMALY_RSNA="$$folder/rsna" $(MAKE) book PROFILE=paper

pretrained: $(READY) ## keep two networks of the study in book/reference/pretrained; after make study
	@OMP_NUM_THREADS=1 $(BIN)/python -m chexnomaly.systems.pretrained \
		--runs _build/runs/study/cells/films --cells book/reference/study/cells/films \
		--out book/reference/pretrained

reference: $(READY) ## on one GPU: the grid at 512 px and half width, into book/reference/gpu
	@for number in 0 1 2 3 4; do $(MAKE) --no-print-directory bundle N=$$number || exit 1; done

bundle: $(READY) ## one part of it, which needs no other: make bundle N=0 to N=4
	@mkdir -p book/reference/gpu
	$(BIN)/python $(if $(filter 0,$(N)),tests/benchmarks/step_cost.py --out book/reference/gpu/bundle_0.json,\
		tests/benchmarks/gpu_grid.py --bundle $(N) --out book/reference/gpu $(ARGS))

fuzz: $(READY) ## damage INPUTS files of every kind (10000), SECONDS at most for each; GUIDED=1: coverage leads
	@$(if $(GUIDED),$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --no-deps -r tests/fuzz/requirements.txt)
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.run $(if $(GUIDED),--guided) \
		$(if $(INPUTS),--inputs $(INPUTS)) $(if $(SECONDS),--seconds $(SECONDS)) \
		--out _build/fuzz$(if $(GUIDED),_guided).json

clean: ## remove what was built; the environment stays
	rm -rf _build book/notebooks book/rendered .snakemake

# The environment: torch, then the lock with hashes, then this project in place.
# A conda environment (environment.yml) already holds the first two.
# One that was moved or copied would still run the code of its old folder: the first
# lines of its programs name it, whoever made it (venv, virtualenv, uv, conda).
MOVED := $(shell made=$$(sed -n '1,2s,^[^/]*\(/.*\)/bin/python.*,\1,p' $(BIN)/papermill \
	2>/dev/null); test -z "$$made" -o "$$made" -ef $(VENV) || echo $(VENV)/.moved)
$(VENV)/.moved:
	@test -e $(VENV)/pyvenv.cfg || { echo "$(VENV) was made in another folder:" \
		"remove it, and make it anew from environment.yml" >&2; exit 2; }
	@echo "$(VENV) belongs to another folder; it is made anew"; rm -rf $(VENV)
$(READY): $(MOVED)

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; v = sys.version_info; \
		sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, \
	this is {v[0]}.{v[1]}: make book PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
ifeq ($(wildcard $(VENV)/conda-meta),)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --no-deps -r requirements.lock
endif
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@touch $@
