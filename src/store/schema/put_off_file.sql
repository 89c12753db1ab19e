-- What each beat changes of a check stands in its own row again. A store that put off what was heard before this step has no short rows.
CREATE TABLE IF NOT EXISTS heard (name TEXT, last_heard INTEGER, due INTEGER, good INTEGER, passed INTEGER, latency_ms INTEGER);
UPDATE "check" SET
  state = json_set(state, '$.last_heard', heard.last_heard, '$.due', heard.due, '$.streak.good', heard.good, '$.streak.passed', heard.passed),
  seen = CASE WHEN heard.latency_ms IS NULL THEN json_remove(seen, '$.latency_ms') ELSE json_set(seen, '$.latency_ms', heard.latency_ms) END
  FROM heard WHERE heard.name = "check".name AND heard.last_heard > coalesce(json_extract(state, '$.last_heard'), heard.last_heard - 1);
DROP VIEW IF EXISTS known_check;
DROP TABLE heard;

-- What checks have only heard and is not in their rows yet: lines, one for each check, in places of one size. Those count whose turn is the one of
-- place 0, which has no lines.
CREATE TABLE IF NOT EXISTS put_off (id INTEGER PRIMARY KEY, rows BLOB NOT NULL);
ALTER TABLE put_off RENAME TO put_off_before;
CREATE TABLE put_off (
  id   INTEGER PRIMARY KEY,
  turn INTEGER NOT NULL,
  rows BLOB NOT NULL
);
INSERT INTO put_off (id, turn, rows) VALUES (0, 1, x'');
INSERT INTO put_off (id, turn, rows) SELECT id, 1, rows FROM put_off_before;
DROP TABLE put_off_before;
