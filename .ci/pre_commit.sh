#!/usr/bin/env bash
# Proves the hooks with pre-commit itself: one good and one bad model in a scratch git repository.
# Usage: pre_commit.sh SOURCE SCRATCH    SOURCE is a copy of this project, SCRATCH a folder to be made.
set -euo pipefail

source=$1
scratch=$2
export GIT_AUTHOR_NAME=ci GIT_AUTHOR_EMAIL=ci@example.invalid GIT_COMMITTER_NAME=ci GIT_COMMITTER_EMAIL=ci@example.invalid

commit_all() {
    git -C "$1" init -q
    git -C "$1" add -A
    git -C "$1" -c commit.gpgsign=false commit -qm "$2"
}

hooks=$scratch.hooks
mkdir "$scratch"
cp -R "$source" "$hooks"
rm -rf "$hooks/.venv"
[ -e "$hooks/.git" ] || commit_all "$hooks" "Hooks"
cp "$source/tests/data/good.keras" "$source/tests/data/bad.keras" "$scratch"
commit_all "$scratch" "Models"
cd "$scratch"

pre-commit try-repo "$hooks" graphlint --files good.keras

for hook in graphlint graphlint-system; do
    if pre-commit try-repo "$hooks" "$hook" --all-files | tee "$scratch.output"; then
        echo "the hook $hook passed a bad model"
        exit 1
    fi
    grep -q A001 "$scratch.output"
done
