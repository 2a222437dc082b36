# make demo: all four modules on a made patient.   make test: everything that CI checks.
# Both share .venv; set PYTHON for another interpreter (3.11 or later).
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
DEMO_DIR ?= demo-output

.PHONY: demo test lint clean

demo: $(VENV)/installed
	$(BIN)/anatomyguided demo -o $(DEMO_DIR)

test: lint
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --durations=20 -n auto --maxprocesses 8 --dist loadfile

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: pyproject.toml constraints.txt Testing/peers.txt Testing/peers-alone.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[networks,transformers,voice,scene,cluster,plots,test]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r Testing/peers.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r Testing/peers-alone.txt
	$(BIN)/python -c "import pathlib; pathlib.Path('$(VENV)/installed').touch()"

clean:
	$(PYTHON) -c "import shutil; [shutil.rmtree(name, ignore_errors=True) for name in ('$(VENV)', '$(DEMO_DIR)')]"
