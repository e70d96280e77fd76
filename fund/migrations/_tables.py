"""What a first migration is made of."""

from collections.abc import Sequence
from typing import Any

from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation


class CreateTables(Operation):
    """Make tables with their indexes, constraints and triggers, in one step.

    One after the other, each table would have Django draw up anew all models that hang together with it, which are
    nearly all: so 63 migrations took thirteen seconds of processor. Here the models are drawn up once, for all tables.
    """

    reduces_to_sql = True
    reversible = False

    def __init__(self, tables: Sequence[CreateModel]) -> None:
        self.tables = tables

    def state_forwards(self, app_label: str, state: Any) -> None:
        state.__dict__.pop("apps", None)  # the models as they were drawn up before
        for table in self.tables:
            table.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for table in self.tables:
            table.database_forwards(app_label, schema_editor, from_state, to_state)
        for table in self.tables:
            for trigger in table.options.get("triggers", ()):
                schema_editor.execute(trigger.install_sql, params=None)

    def describe(self) -> str:
        return f"Create {len(self.tables)} tables"
