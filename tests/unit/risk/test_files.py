"""What a file is by its path, and which messages say that something was repaired."""

from __future__ import annotations

import pytest

from pilotage.model.change import FileKind
from pilotage.model.file_kind import kind_of, repairs


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("src/shop/cart.py", FileKind.SOURCE),
        ("lib/active_record/migration/command_recorder.rb", FileKind.SOURCE),
        ("db/migrate/20240101_add_total.rb", FileKind.MIGRATION),
        ("db/post_migrate/20240101_drop_total.rb", FileKind.MIGRATION),
        ("drizzle/0002_x.sql", FileKind.MIGRATION),
        ("bun.lock", FileKind.DEPENDENCIES),
        ("shop/migrations/0004_drop.py", FileKind.MIGRATION),
        ("shop/migrations/__init__.py", FileKind.SOURCE),
        ("alembic/versions/ab12_drop.py", FileKind.MIGRATION),
        ("sql/V1_2__drop.sql", FileKind.MIGRATION),
        ("prisma/migrations/2024_a/migration.sql", FileKind.MIGRATION),
        ("tests/test_migrations.py", FileKind.TEST),
        ("src/cart.spec.ts", FileKind.TEST),
        ("src/latest.py", FileKind.SOURCE),
        ("src/Shop.UnitTests/Builder.cs", FileKind.TEST),
        ("src/Shop.Contest/Builder.cs", FileKind.SOURCE),
        ("charts/shop/README.md", FileKind.DOCUMENTATION),
        ("src/components/charts/line.tsx", FileKind.SOURCE),
        ("charts/shop/templates/a.yaml", FileKind.INFRASTRUCTURE),
        ("src/app/app.component.html", FileKind.SOURCE),
        ("site/index.html", FileKind.DOCUMENTATION),
        ("docs/conf.py", FileKind.DOCUMENTATION),
        ("CMakeLists.txt", FileKind.CONFIGURATION),
        ("migrations/m2o.py", FileKind.SOURCE),
        ("migrations/m240101_000000_a.php", FileKind.MIGRATION),
        ("Dockerfile_lint.py", FileKind.SOURCE),
        ("Dockerfile.go", FileKind.INFRASTRUCTURE),
        ("examples/a/main.tf", FileKind.OTHER),
        ("uv.lock", FileKind.DEPENDENCIES),
        ("vendor/a/b.go", FileKind.OTHER),
        ("api/user_pb2.py", FileKind.OTHER),
        ("Dockerfile.dev", FileKind.INFRASTRUCTURE),
        (".github/workflows/ci.yml", FileKind.INFRASTRUCTURE),
        ("config/app.yaml", FileKind.CONFIGURATION),
        ("docs/how-to.md", FileKind.DOCUMENTATION),
    ],
)
def test_the_kind_of_a_file(path: str, kind: FileKind) -> None:
    assert kind_of(path) is kind


@pytest.mark.parametrize(
    "name",
    [
        "page.heex", "page.leex", "page.html.eex", "page.phtml", "page.html.erb", "page.haml", "page.slim",
        "a.blade.php", "page.twig", "page.jinja", "page.jinja2", "page.html.j2", "page.liquid",
        "page.mustache", "page.handlebars", "page.njk", "page.ftl", "page.gohtml", "page.html.tmpl",
        "page.tpl", "page.templ", "page.mako", "page.jbuilder", "policy.rego", "schema.cue", "app.jsonnet",
        "app.libsonnet", "shell.nix", "App.svelte", "page.astro", "App.vue", "a.gleam", "a.zig", "a.nim",
        "Token.sol", "a.proto", "a.graphql", "a.prisma", "config.ru", "db.rake", "a.hrl", "a.coffee", "a.res",
        "a.purs", "a.scm", "a.inc", "a.hxx", "a.ipp", "a.metal", "a.glsl", "a.sv", "a.vhd", "a.cob", "a.adb",
        "A.cls", "a.aspx", "a.master", "a.cfc", "a.g4", "a.y", "a.pgsql", "a.xslt", "a.raku", "a.lean",
        "a.move", "a.gd", "a.qml", "a.hx", "a.odin", "a.vala", "a.nu", "a.ksh", "a.star", "a.fsx", "a.csx",
        "a.pyw", "a.ml4", "a.v", "a.gts", "a.es6", "a.rkt", "a.abap", "a.tsp", "a.f", "a.pxd", "a.hql",
        "a.bal", "a.luau", "a.jte", "a.edge",
    ],
)  # fmt: skip
def test_programs_and_templates_count_in_each_language(name: str) -> None:
    assert kind_of(f"src/{name}") is FileKind.SOURCE


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("bin/deploy", FileKind.SOURCE),
        ("script/release-notes", FileKind.SOURCE),
        ("bin/README", FileKind.OTHER),
        ("bin/LICENSE", FileKind.OTHER),
        ("tests/bin/run", FileKind.TEST),
        ("gradlew", FileKind.OTHER),
        ("configure", FileKind.OTHER),
        ("Makefile", FileKind.CONFIGURATION),
        ("Makefile.am", FileKind.CONFIGURATION),
        (".justfile", FileKind.CONFIGURATION),
        ("settings.gradle", FileKind.CONFIGURATION),
        ("SConstruct", FileKind.CONFIGURATION),
        ("Jenkinsfile", FileKind.INFRASTRUCTURE),
        ("ci/Jenkinsfile.release", FileKind.INFRASTRUCTURE),
        ("Earthfile", FileKind.INFRASTRUCTURE),
        ("Caddyfile", FileKind.INFRASTRUCTURE),
        ("haproxy.cfg", FileKind.INFRASTRUCTURE),
        ("main.bicep", FileKind.INFRASTRUCTURE),
        ("prod.bicepparam", FileKind.INFRASTRUCTURE),
        ("puppet/manifests/site.pp", FileKind.INFRASTRUCTURE),
        ("job.nomad", FileKind.INFRASTRUCTURE),
        ("charts/shop/templates/a.tpl", FileKind.INFRASTRUCTURE),
        ("ansible/templates/app.conf.j2", FileKind.INFRASTRUCTURE),
        ("features/pay.feature", FileKind.TEST),
        ("t/pay.t", FileKind.TEST),
        ("test.bats", FileKind.TEST),
        ("docs/site.css", FileKind.OTHER),
    ],
)
def test_files_that_have_no_suffix_of_code(path: str, kind: FileKind) -> None:
    assert kind_of(path) is kind


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ("Fix crash when the cart is empty", True),
        ("Merge pull request #12 from a/b\n\nFixes a deadlock", True),
        ('Revert "Add totals"', True),
        ("Fix typo in README", False),
        ("Fix flaky test", False),
        ("Add prefix to names", False),
        ("Add totals\n\nfixes nothing", False),
        ("", False),
    ],
)
def test_which_messages_speak_of_a_repair(message: str, is_one: bool) -> None:
    assert repairs(message) is is_one
