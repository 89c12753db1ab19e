-- How many instances a check expects, and since when. None: it does not count them.
ALTER TABLE "check" ADD COLUMN wanted TEXT;

-- The instances of the checks that count them. One that was replaced, or is not expected any more, has no row.
CREATE TABLE instance (
  check_name TEXT NOT NULL,
  name       TEXT NOT NULL,
  status     TEXT NOT NULL,
  instance   TEXT NOT NULL,
  seen       TEXT NOT NULL,
  PRIMARY KEY (check_name, name)
) STRICT, WITHOUT ROWID;

-- The instances that an order gives its colour, and the recorded number before it, to go back to where it does not end well.
ALTER TABLE journal ADD COLUMN instances INTEGER;
ALTER TABLE journal ADD COLUMN former INTEGER;

-- How many instances of a colour are expected, by the last order that said so.
CREATE TABLE expected (
  colour    TEXT PRIMARY KEY,
  instances INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
