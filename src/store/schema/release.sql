-- Who did what, when, and how it ended.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch INTEGER NOT NULL,
    what TEXT NOT NULL,
    target TEXT NOT NULL,
    origin TEXT,
    version TEXT,
    asked_by TEXT NOT NULL,
    forced TEXT,
    phase TEXT NOT NULL,
    reason TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    told INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX journal_unfinished ON journal (id) WHERE ended_at IS NULL;

CREATE TABLE journal_step (
    entry INTEGER NOT NULL REFERENCES journal (id),
    phase TEXT NOT NULL,
    at INTEGER NOT NULL,
    note TEXT
) STRICT;

CREATE INDEX journal_step_entry ON journal_step (entry);

-- One deploy or switch at a time.
CREATE TABLE lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    entry INTEGER NOT NULL REFERENCES journal (id),
    until INTEGER NOT NULL
) STRICT;
