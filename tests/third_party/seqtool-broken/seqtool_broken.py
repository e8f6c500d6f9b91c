"""A plugin that cannot be imported: it needs something that is not there."""

import a_module_that_is_not_installed  # noqa: F401
