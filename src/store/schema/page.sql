-- What the prober has told of its journal: who did what, when, and how it ended. An entry is known by when it began, and its number.
CREATE TABLE told_entry (
  started_at INTEGER NOT NULL,
  number     INTEGER NOT NULL,
  what       TEXT NOT NULL,
  phase      TEXT NOT NULL,
  entry      TEXT NOT NULL,
  PRIMARY KEY (started_at, number)
) STRICT, WITHOUT ROWID;

-- The incidents of one check, day by day; and the gravest first.
CREATE INDEX incident_check ON incident (check_name, opened_at);
