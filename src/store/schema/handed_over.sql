-- When a notice that a channel took was handed over to somebody else, who tells the end of its incident.
ALTER TABLE notice ADD COLUMN handed_over_at INTEGER;
