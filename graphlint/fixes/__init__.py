"""Fixes: turn fixable findings into edits, verify the result, write it safely."""
