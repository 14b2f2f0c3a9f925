"""The built-in rules, one file each, in a folder for each family. Installed as the package ``graphlint_rules``."""
