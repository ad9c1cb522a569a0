"""Methods as data: settings, recipes, and the TOML files that come with the package."""
