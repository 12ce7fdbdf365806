# `make demo` and `make test` do everything from a fresh clone with Python 3.11: each makes .venv if there is none.
PYTHON ?= python3
BIN := .venv/bin
GENELM := $(BIN)/genelm
LAUNCH := $(BIN)/accelerate launch --quiet --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no

.PHONY: demo test quality compat clean

.venv/installed: pyproject.toml constraints.txt
	@echo "Installing genelm and what it needs into .venv; pip says little until it is done."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,quality]'
	touch $@

demo: .venv/installed  ## simulate genes, make three models, compare them, use one
	rm -rf demo
	$(GENELM) data build --source simulated --num-genes 1500 --output demo/simulated_genes
	$(GENELM) ngram fit --data demo/simulated_genes --output demo/runs/mixture
	$(LAUNCH) train.py --config configs/demo.yaml --data demo/simulated_genes --output_dir demo/runs/lstm
	$(LAUNCH) train.py --config configs/demo_gpt2.yaml --data demo/simulated_genes --output_dir demo/runs/gpt2
	for model in lstm gpt2; do \
		$(GENELM) evaluate demo/runs/$$model --data demo/simulated_genes --split test \
			--task perplexity --task edits --output demo/results/$$model.json || exit 1; \
	done
	$(GENELM) baselines --data demo/simulated_genes --split test --order 5 --task perplexity --task edits \
		--output demo/results
	$(GENELM) report demo/results/*.json --output demo/report
	$(GENELM) generate demo/runs/lstm --num 5 --prompt ATG --max-new-tokens 100 --output demo/genes.fa
	$(GENELM) score demo/runs/mixture demo/genes.fa --output demo/scores.tsv
	$(GENELM) push demo/runs/lstm --repo USER/gene-lstm --results demo/results --dry-run demo/hub
	@sed -n '/^## Overview/,/^The same/{/^|/p;}' demo/report/report.md
	@echo "2 bits a base is guessing. Simulated genes are for trying things out; README has figures on real ones."
	@echo "The whole report: demo/report/report.html. The card on the Hub: demo/hub/README.md. Five genes: demo/genes.fa."

test: .venv/installed  ## the tests that need no GPU and no patience
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8

quality: .venv/installed  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy train.py
	$(BIN)/mypy -p genelm

compat: .venv/installed  ## load models in the environments that people have; LANES="newest 5.0" for some of them
	$(BIN)/python tests/compatibility/lanes.py $(foreach lane,$(LANES),"$(lane)")

clean:
	rm -rf .venv .compat demo build dist *.egg-info
