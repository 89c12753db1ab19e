-- Who has seen to an incident. Moments are milliseconds since the epoch.
CREATE TABLE acknowledgement (
  incident TEXT PRIMARY KEY,
  by_whom  TEXT NOT NULL,
  at       INTEGER NOT NULL,
  note     TEXT
) STRICT, WITHOUT ROWID;

-- Which checks somebody has told to be quiet, and until when.
CREATE TABLE quiet (
  check_name TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  by_whom    TEXT NOT NULL,
  since      INTEGER NOT NULL,
  until      INTEGER NOT NULL,
  note       TEXT
) STRICT, WITHOUT ROWID;

-- How far an open incident has come: told, reminded of, escalated, or hushed until the quiet ends.
CREATE TABLE follow_up (
  incident TEXT PRIMARY KEY,
  state    TEXT NOT NULL,
  look_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_up_look_at ON follow_up (look_at) WHERE look_at IS NOT NULL;

-- Many incidents that are told as one.
CREATE TABLE alarm_group (
  incident  TEXT PRIMARY KEY,
  opened_at INTEGER NOT NULL,
  over_at   INTEGER
) STRICT, WITHOUT ROWID;
