-- What is asked of all checks at once must not read a million of them.
CREATE INDEX check_status ON "check" (status);
CREATE INDEX check_configured ON "check" (name) WHERE made IS NULL;
