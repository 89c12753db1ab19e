-- The groups that are not over are asked for at every sweep, and the newest one with every failure that is heard.
CREATE INDEX IF NOT EXISTS alarm_group_open ON alarm_group (over_at, incident) WHERE over_at IS NULL;
CREATE INDEX IF NOT EXISTS alarm_group_opened ON alarm_group (opened_at);
-- One that was told before this step may hold checks of which each has a plan of its own: it is looked at, and what they are owed is done.
UPDATE follow_up SET look_at = 0 WHERE incident IN (SELECT incident FROM alarm_group WHERE over_at IS NULL);
