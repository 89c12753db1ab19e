-- What is expected of a check that no config names: it was made by its first beat, or through the API; and its ping address.
ALTER TABLE "check" ADD COLUMN made TEXT;
ALTER TABLE "check" ADD COLUMN uuid TEXT;
CREATE INDEX check_uuid ON "check" (uuid) WHERE uuid IS NOT NULL;

-- How a beat came, of which run of the work it is, how that ended, what it took, and why the beat does not count.
ALTER TABLE beat ADD COLUMN address TEXT;
ALTER TABLE beat ADD COLUMN method TEXT;
ALTER TABLE beat ADD COLUMN agent TEXT;
ALTER TABLE beat ADD COLUMN work TEXT;
ALTER TABLE beat ADD COLUMN exit_status INTEGER;
ALTER TABLE beat ADD COLUMN took_ms INTEGER;
ALTER TABLE beat ADD COLUMN ignored TEXT;
CREATE INDEX beat_check ON beat (check_name, id);

CREATE INDEX incident_opened ON incident (opened_at, key);
CREATE INDEX incident_over ON incident (resolved_at) WHERE resolved_at IS NOT NULL;
