"""What contributors read and use: names in it are true, and the files are of the form that their readers expect."""

from __future__ import annotations

import re
import shlex
import tomllib

import pytest
import yaml
from nnkata.grader.exercise.catalog import KIT

CONTRIBUTING = (KIT / "CONTRIBUTING.md").read_text("utf-8")
FORMS = sorted((KIT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
MAKE_TARGETS = set(re.search(r"^\.PHONY:(.*)$", (KIT / "Makefile").read_text("utf-8"), re.MULTILINE).group(1).split())


def load(name):
    return yaml.safe_load((KIT / name).read_text("utf-8"))


def test_contributing_lists_every_target_of_make():
    table = CONTRIBUTING.partition("| `make …` | |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == MAKE_TARGETS


def test_contributing_lists_every_folder_that_the_repository_has():
    table = CONTRIBUTING.partition("| folder | |")[2].partition("\n\n")[0]
    listed = {path for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for path in re.findall(r"`(.*?)`", row)}
    made = re.compile(r"\..*|build|dist|__pycache__|.*\.egg-info")
    folders = {f"{folder.name}/" for folder in KIT.iterdir() if folder.is_dir() and not made.fullmatch(folder.name)}
    assert folders <= listed
    assert all((KIT / path).exists() for path in listed)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/adding-an-exercise.md"])
def test_links_lead_to_files(name):
    text = (KIT / name).read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert links
    assert [link for link in links if not ((KIT / name).parent / link).exists()] == []


def test_hooks_run_the_projects_own_tools_and_nothing_from_elsewhere():
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    tools = set()
    for hook in repository["hooks"]:
        assert set(hook) >= {"id", "name", "entry", "language"} and hook["language"] == "system"
        tools |= {word for word in shlex.split(hook["entry"]) if word.startswith(".venv/bin/")}
    assert tools == {".venv/bin/ruff", ".venv/bin/mypy"}


def test_the_hooks_check_the_types_of_what_make_checks():
    (hook,) = [hook for hook in load(".pre-commit-config.yaml")["repos"][0]["hooks"] if hook["id"] == "mypy"]
    assert hook["entry"].partition("mypy ")[2] in (KIT / "Makefile").read_text("utf-8")


def test_there_is_a_form_for_bugs_wrong_verdicts_and_content():
    assert [form.stem for form in FORMS] == ["bug", "content", "wrong-verdict"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_is_one_that_github_renders(form):
    table = load(form)
    assert {"name", "description", "body"} <= set(table)
    ids = [field["id"] for field in table["body"]]
    assert len(set(ids)) == len(ids)
    for field in table["body"]:
        assert field["type"] in ("textarea", "input", "dropdown", "markdown", "checkboxes")
        assert field["attributes"]["label"]
        assert field["type"] != "dropdown" or field["attributes"]["options"]
    assert any(field.get("validations", {}).get("required") for field in table["body"])


def test_the_citation_has_what_its_schema_requires():
    table = load("CITATION.cff")
    assert {"authors", "cff-version", "message", "title"} <= set(table)
    assert table["cff-version"] == "1.2.0" and table["type"] in ("software", "dataset")
    assert all(set(author) & {"name", "family-names", "given-names", "alias"} for author in table["authors"])
    assert table["license"] == tomllib.loads((KIT / "pyproject.toml").read_text("utf-8"))["project"]["license"]


def test_the_changelog_has_the_sections_of_keep_a_changelog():
    versions = re.split(r"^## ", (KIT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert versions[0].startswith("Unreleased\n")
    allowed = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for version in versions:
        assert re.match(r"Unreleased\n|\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d\n", version)
        assert set(re.findall(r"^### (.*)$", version, re.MULTILINE)) <= allowed
