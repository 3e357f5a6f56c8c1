"""``python -m scarnet_cli``, for where the command ``scarnet`` is not on the path."""

from scarnet_cli.main import main

raise SystemExit(main())
