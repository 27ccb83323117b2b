"""One module a subcommand. Each has `add_parser(subparsers)`, which sets `run(arguments)` as the action."""
