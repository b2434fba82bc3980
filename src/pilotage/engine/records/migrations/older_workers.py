"""A view of the shape that tables had before 0007, for workers of an older version that still run on a PostgreSQL.

They read and write it as before; triggers keep the present tables. What has no place in the old shape is mapped: a
cancelled rollout looks rolled back, and older than all, so that no old keeper takes it for the newest.
"""

from __future__ import annotations

_VIEW = """
CREATE VIEW rollouts AS
SELECT r.id, r.service, r.environment, r.version, r.old,
       CAST(CASE WHEN r.status = 'cancelled' THEN 'rolled-back' ELSE r.status END AS VARCHAR) AS status,
       r.actor,
       CASE WHEN r.status = 'cancelled' THEN 0.0 ELSE coalesce(r.started_at, r.created_at) END AS created_at,
       r.finished_at, p.body AS plan, r.plan_hash, CAST(s.body AS json) AS target,
       CASE WHEN r.status = 'cancelled'
            THEN CAST(jsonb_set(CAST(r.state AS jsonb), '{status}', '"rolled-back"') AS json)
            ELSE CAST(r.state AS json) END AS state,
       CAST(j.body AS json) AS judge, CAST(l.body AS json) AS live, r.head, r.events, r.revision, r.release
FROM rollout r
JOIN plans p ON p.hash = r.plan_hash
JOIN snapshots s ON s.hash = r.snapshot
LEFT JOIN judge_states j ON j.rollout = r.id
LEFT JOIN live_views l ON l.rollout = r.id
"""

_FUNCTION = """
CREATE FUNCTION rollouts_of_old_shape() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was rollout%ROWTYPE;
    new_state jsonb := CAST(NEW.state AS jsonb);
    wanted varchar := NEW.status;
    place integer;
    last integer := 2147483647;
    begun double precision;
    at_step json := CAST(NEW.plan AS json) -> 'steps' -> CAST(NEW.state ->> 'step' AS integer);
    digest varchar := encode(sha256(convert_to(CAST(NEW.target AS text), 'UTF8')), 'hex');
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT * INTO was FROM rollout WHERE id = OLD.id;
        place := was.sequence;
        begun := was.started_at;
        IF wanted = 'rolled-back' AND was.status IN ('queued', 'cancelled') THEN
            wanted := 'cancelled';
        END IF;
    END IF;
    new_state := jsonb_set(new_state, '{status}', to_jsonb(wanted));
    IF place IS NULL AND wanted NOT IN ('queued', 'cancelled') THEN
        begun := extract(epoch FROM clock_timestamp());
        INSERT INTO environments (service, environment, sequence) VALUES (NEW.service, NEW.environment, 1)
        ON CONFLICT (service, environment) DO UPDATE SET sequence = environments.sequence + 1
        RETURNING sequence INTO place;
    END IF;
    IF wanted = 'cancelled' THEN
        SELECT coalesce(max(sequence), 0) INTO last FROM environments
        WHERE service = NEW.service AND environment = NEW.environment;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO environments (service, environment, serving) VALUES (NEW.service, NEW.environment, '[]')
        ON CONFLICT DO NOTHING;
        INSERT INTO plans (hash, format, body)
        VALUES (NEW.plan_hash, coalesce(CAST(CAST(NEW.plan AS json) ->> 'format' AS integer), 0), NEW.plan)
        ON CONFLICT DO NOTHING;
        INSERT INTO snapshots (hash, format, body) VALUES (digest, 1, CAST(NEW.target AS text))
        ON CONFLICT DO NOTHING;
        INSERT INTO rollout (id, service, environment, sequence, rank, version, old, status, pace, actor, created_at,
            started_at, finished_at, step, weight, reached, dark, preserved, kind, strategy, plan_hash, snapshot,
            release, head, events, revision, part, reason, state)
        VALUES (NEW.id, NEW.service, NEW.environment, place, coalesce(place, last), NEW.version,
            NEW.old, wanted, new_state ->> 'pace', NEW.actor,
            NEW.created_at, begun, NEW.finished_at, coalesce(at_step ->> 'id', ''),
            coalesce(CAST(at_step ->> 'weight' AS integer), 0), coalesce(CAST(new_state ->> 'reached' AS integer), 0),
            0, 0,
            coalesce(CAST(NEW.plan AS json) -> 'answers' ->> 'release_type', ''),
            coalesce(CAST(NEW.plan AS json) -> 'answers' ->> 'deployment_strategy', ''), NEW.plan_hash, digest,
            NEW.release, NEW.head, NEW.events, coalesce(NEW.revision, 0), NEW.target -> 'release',
            coalesce(new_state ->> 'reason', ''), CAST(new_state AS text));
    ELSE
        UPDATE rollout SET sequence = place, rank = coalesce(place, last), started_at = begun, status = wanted,
            old = NEW.old, pace = new_state ->> 'pace', finished_at = NEW.finished_at,
            step = coalesce(at_step ->> 'id', ''),
            weight = coalesce(CAST(at_step ->> 'weight' AS integer), 0),
            reached = coalesce(CAST(new_state ->> 'reached' AS integer), 0),
            dark = coalesce(CAST(CAST(new_state ->> 'dark' AS boolean) AS integer), 0),
            preserved = coalesce(CAST(CAST(new_state ->> 'preserved' AS boolean) AS integer), 0),
            paged = CASE WHEN NEW.events = OLD.events THEN was.paged END, head = NEW.head, events = NEW.events,
            revision = NEW.revision, reason = coalesce(new_state ->> 'reason', ''), state = CAST(new_state AS text)
        WHERE id = OLD.id AND revision = OLD.revision AND status = was.status;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        IF wanted IN ('completed', 'rolled-back', 'failed') AND wanted <> was.status THEN
            UPDATE environments SET serving = NULL WHERE service = NEW.service AND environment = NEW.environment;
        END IF;
    END IF;
    IF NEW.judge IS NOT NULL AND CAST(NEW.judge AS text) <> 'null' THEN
        INSERT INTO judge_states (rollout, revision, body)
        VALUES (NEW.id, coalesce(NEW.revision, 0), CAST(NEW.judge AS text))
        ON CONFLICT (rollout) DO UPDATE SET revision = EXCLUDED.revision, body = EXCLUDED.body;
    END IF;
    IF NEW.live IS NOT NULL AND CAST(NEW.live AS text) <> 'null' THEN
        INSERT INTO live_views (rollout, body) VALUES (NEW.id, CAST(NEW.live AS text))
        ON CONFLICT (rollout) DO UPDATE SET body = EXCLUDED.body;
    END IF;
    RETURN NEW;
END $$
"""

_TRIGGER = """
CREATE TRIGGER rollouts_of_old_shape INSTEAD OF INSERT OR UPDATE ON rollouts
FOR EACH ROW EXECUTE FUNCTION rollouts_of_old_shape()
"""


_MODE = """CASE new_state ->> 'pace' WHEN 'first' THEN 'initial' WHEN 'fast' THEN 'fast-return'
                WHEN 'urgent' THEN 'emergency' ELSE new_state ->> 'pace' END"""
_NAMES_OF_0009 = (
    ("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"),
    ("old, status, pace, actor", "old, status, mode, actor"),
    ("release, head, events, revision, part", "group_id, head, events, revision, part"),
    ("wanted, new_state ->> 'pace', NEW.actor", f"wanted, {_MODE}, NEW.actor"),
    ("pace = new_state ->> 'pace'", f"mode = {_MODE}"),
)


def names_of_0009() -> tuple[str, ...]:
    """The statements that make the same of tables whose columns were renamed. The view follows them by itself."""
    function = _FUNCTION
    for earlier, today in _NAMES_OF_0009:
        assert earlier in function, earlier
        function = function.replace(earlier, today)
    return (function.replace("%", "%%"), "CREATE VIEW actions AS SELECT * FROM followups")


def view_of_old_shape() -> tuple[str, ...]:
    """The statements that make it, in their order."""
    return (_VIEW.replace("%", "%%"), _FUNCTION.replace("%", "%%"), _TRIGGER)
