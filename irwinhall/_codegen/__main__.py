"""``python -m irwinhall._codegen [--check]``: write or check the generated files."""

from irwinhall._codegen import main

raise SystemExit(main())
