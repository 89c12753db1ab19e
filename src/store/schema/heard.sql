-- What each beat changes of a check, since its own row was written. These rows are short: a commit of many beats writes a few pages of them, where
-- it wrote a page for each check. One counts only where it has heard something later than the check's own row says.
CREATE TABLE heard (
  name       TEXT PRIMARY KEY,
  last_heard INTEGER,
  due        INTEGER,
  good       INTEGER,
  passed     INTEGER,
  latency_ms INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO heard (name) SELECT name FROM "check";

CREATE VIEW known_check AS SELECT "check".*, heard.last_heard AS heard_at, heard.due AS heard_due, heard.good AS heard_good,
  heard.passed AS heard_passed, heard.latency_ms AS heard_latency_ms FROM "check" LEFT JOIN heard ON heard.name = "check".name;
