from animatex_core.cli import run

run()
