-- What checks have only heard and is not in their rows yet: one row here for each commit of many beats, a line in it for each check.
CREATE TABLE put_off (
  id INTEGER PRIMARY KEY,
  rows BLOB NOT NULL
);
