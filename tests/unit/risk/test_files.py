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
