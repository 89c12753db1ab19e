-- What a notice is about, so that nobody has to look into its payload; and the order of an entry's steps.
ALTER TABLE notice ADD COLUMN check_name TEXT NOT NULL DEFAULT '';
UPDATE notice SET check_name = coalesce((SELECT check_name FROM incident WHERE incident.key = notice.incident), '');
ALTER TABLE journal_step ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
