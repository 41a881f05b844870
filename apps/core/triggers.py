"""Triggers that several ledgers have."""

import pgtrigger


def tells_late_bookings(*moments: str) -> pgtrigger.Trigger:
    """Notes each row that is booked, by one of the columns `moments`, at a time that lies a minute or more back.

    What is booked while it happens costs a comparison. Nothing is ever missing from the notes, because they commit
    together with the row (docs/adr/0021-closed-days.md).
    """
    late = {moment: f"NEW.{moment} < now() - interval '1 minute'" for moment in moments}
    notes = (
        f"IF {is_late} THEN INSERT INTO core_latebooking (moment) VALUES (NEW.{moment}); END IF;"  # noqa: S608
        for moment, is_late in late.items()
    )
    return pgtrigger.Trigger(
        name="tells_late_bookings",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf(*moments),  # type: ignore[no-untyped-call]
        condition=pgtrigger.Condition(" OR ".join(late.values())),
        func=f"{' '.join(notes)} RETURN NULL;",
    )


def keeps(status: str, *next_ones: str) -> pgtrigger.Trigger:
    """A row in this `status` stays in it, or goes on to one of `next_ones`; whatever the code believes.

    Refused as by a constraint, so that it is answered as one.
    """
    return pgtrigger.Trigger(
        name=f"{status}_stays",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf("status"),  # type: ignore[no-untyped-call]
        condition=pgtrigger.Q(old__status=status) & ~pgtrigger.Q(new__status__in=[status, *next_ones]),
        func="RAISE EXCEPTION 'A row of % that is % stays so.', TG_TABLE_NAME, OLD.status"
        f" USING ERRCODE = 'check_violation', CONSTRAINT = '{status}_stays';",
    )
