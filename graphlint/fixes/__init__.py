"""Fixes: turn fixable findings into edits, prove the result, write it safely."""
