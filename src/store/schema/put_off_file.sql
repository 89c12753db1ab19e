-- What each beat changes of a check stands in its own row again.
UPDATE "check" SET
  state = json_set(state, '$.last_heard', heard.last_heard, '$.due', heard.due, '$.streak.good', heard.good, '$.streak.passed', heard.passed),
  seen = CASE WHEN heard.latency_ms IS NULL THEN json_remove(seen, '$.latency_ms') ELSE json_set(seen, '$.latency_ms', heard.latency_ms) END
  FROM heard WHERE heard.name = "check".name AND heard.last_heard > coalesce(json_extract(state, '$.last_heard'), heard.last_heard - 1);
DROP VIEW known_check;
DROP TABLE heard;

-- What checks have only heard and is not in their rows yet: one row here for each commit of many beats, a line in it for each check.
CREATE TABLE put_off (
  id INTEGER PRIMARY KEY,
  rows BLOB NOT NULL
);
