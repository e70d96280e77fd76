"""What the watch keeps: when each job of the clock last ran, what its rounds found, and how requests went."""

from django.db import models


class Beat(models.Model):
    """One job of the clock: when it last ended well and when it last failed. ``error`` is the kind, empty when well.

    ``known_at``: since when it is expected to run.
    """

    job = models.CharField(max_length=40, primary_key=True)
    known_at = models.DateTimeField()
    ran_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=80, blank=True, default="", db_default="")

    app_may = ("SELECT", "INSERT", "UPDATE")

    def __str__(self) -> str:
        return self.job


class Observation(models.Model):
    """What a round found: ``faults`` and the ``first`` of them, as of ``at``; it took ``took`` milliseconds.

    ``place`` is where the next round goes on; ``whole_since`` when the last complete turn that ended began.
    """

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    took = models.PositiveIntegerField(default=0)
    faults = models.PositiveIntegerField(default=0)
    first = models.CharField(max_length=200, blank=True)
    place = models.JSONField(default=dict)
    whole_since = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    def __str__(self) -> str:
        return self.name


class Traffic(models.Model):
    """Requests that all processes have answered: of one room, with one class of status, within ``bucket`` ms.

    ``bucket`` is the upper bound of the time, 0 for longer than all; ``seconds`` is the time of all of them together.
    """

    pk = models.CompositePrimaryKey("room", "status", "bucket")
    room = models.CharField(max_length=12)
    status = models.CharField(max_length=3)
    bucket = models.PositiveIntegerField()
    count = models.BigIntegerField()
    seconds = models.FloatField()

    app_may = ("SELECT", "INSERT", "UPDATE")

    def __str__(self) -> str:
        return f"{self.room} {self.status} {self.bucket}"
