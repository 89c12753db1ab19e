-- What is expected, and what is known of it. Moments are milliseconds since the epoch; JSON is the domain's own.
CREATE TABLE "check" (
  name     TEXT PRIMARY KEY,
  status   TEXT NOT NULL,
  state    TEXT NOT NULL,
  look_at  INTEGER,
  every_ms INTEGER,
  seen     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX check_look_at ON "check" (look_at) WHERE look_at IS NOT NULL;

-- The beats, newest kept. The unique key makes a repeat change nothing.
CREATE TABLE beat (
  id          INTEGER PRIMARY KEY,
  key_id      TEXT NOT NULL,
  instance    TEXT NOT NULL CHECK (length(instance) BETWEEN 1 AND 200),
  run         BLOB NOT NULL,
  sequence    INTEGER NOT NULL CHECK (sequence >= 0),
  check_name  TEXT NOT NULL,
  kind        TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  sent_at     INTEGER NOT NULL,
  health      TEXT,
  body        BLOB,
  UNIQUE (key_id, instance, run, sequence)
) STRICT;

-- Every change of status, with the state before it, so that it can be taken back.
CREATE TABLE flip (
  id         INTEGER PRIMARY KEY,
  check_name TEXT NOT NULL,
  at         INTEGER NOT NULL,
  flip       TEXT NOT NULL,
  before     TEXT NOT NULL,
  incident   TEXT
) STRICT;
CREATE INDEX flip_check ON flip (check_name, id);

-- One fault, one row.
CREATE TABLE incident (
  key          TEXT PRIMARY KEY,
  check_name   TEXT NOT NULL,
  status       TEXT NOT NULL,
  severity     TEXT NOT NULL,
  since        INTEGER NOT NULL,
  reason       TEXT NOT NULL,
  cause        TEXT,
  flips        INTEGER NOT NULL,
  resolved_at  INTEGER,
  opened_at    INTEGER NOT NULL,
  decide_at    INTEGER,
  decide_until INTEGER,
  explained    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX incident_open ON incident (check_name) WHERE resolved_at IS NULL;
CREATE INDEX incident_decide ON incident (decide_at) WHERE decide_at IS NOT NULL;
CREATE INDEX incident_cause ON incident (cause) WHERE cause IS NOT NULL;

-- What one channel is to be told; the outbox is what is neither taken nor withdrawn.
CREATE TABLE notice (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  key           TEXT NOT NULL UNIQUE,
  incident      TEXT NOT NULL,
  channel       TEXT NOT NULL,
  kind          TEXT NOT NULL,
  payload       TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  due_at        INTEGER NOT NULL,
  attempts      INTEGER NOT NULL DEFAULT 0,
  claimed_by    TEXT,
  claimed_until INTEGER,
  failed_since  INTEGER,
  last_error    TEXT,
  passed_on_at  INTEGER,
  withdrawn_at  INTEGER,
  taken_at      INTEGER,
  receipt       TEXT
) STRICT;
CREATE INDEX notice_outbox ON notice (channel, due_at) WHERE taken_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX notice_incident ON notice (incident);

-- What was heard or done last: live colour, sweep mark, clean shutdown.
CREATE TABLE fact (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is known of a channel besides its settings.
CREATE TABLE channel (
  name         TEXT PRIMARY KEY,
  failed_since INTEGER,
  taken_at     INTEGER,
  said_at      INTEGER
) STRICT, WITHOUT ROWID;
