# Only a shorthand: the plain commands behind every target stand in README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
COMFYUI_PATH ?= $(HOME)/comfy/ComfyUI
# What ComfyUI asks for, where there is one: the tests in tests/host start it.
COMFYUI_NEEDS := $(wildcard $(COMFYUI_PATH)/requirements.txt)

.PHONY: demo test clean

demo: $(INSTALLED)
	$(BIN)/python -m animatex_core demo --out demo

test: $(INSTALLED)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m basedpyright
	$(BIN)/python -m pytest -n 2 --dist loadfile

$(INSTALLED): pyproject.toml requirements.txt constraints.txt $(COMFYUI_NEEDS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]" $(COMFYUI_NEEDS:%=--requirement "%")
	touch $@

clean:
	rm -rf $(VENV) demo
