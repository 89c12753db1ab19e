-- What each beat changes of a check stands in its own row again.
UPDATE "check" SET
  state = json_set(state, '$.last_heard', heard.last_heard, '$.due', heard.due, '$.streak.good', heard.good, '$.streak.passed', heard.passed),
  seen = CASE WHEN heard.latency_ms IS NULL THEN json_remove(seen, '$.latency_ms') ELSE json_set(seen, '$.latency_ms', heard.latency_ms) END
  FROM heard WHERE heard.name = "check".name AND heard.last_heard > coalesce(json_extract(state, '$.last_heard'), heard.last_heard - 1);
DROP VIEW known_check;
DROP TABLE heard;

-- What checks have only heard and is not in their rows yet: lines, one for each check, in places of one size. Those count whose turn is the one of
-- place 0, which has no lines.
CREATE TABLE put_off (
  id   INTEGER PRIMARY KEY,
  turn INTEGER NOT NULL,
  rows BLOB NOT NULL
);
INSERT INTO put_off (id, turn, rows) VALUES (0, 1, x'');
