-- What an order asks of the journal must not read all that it has ever held.
CREATE INDEX IF NOT EXISTS journal_epoch ON journal (epoch);
CREATE INDEX IF NOT EXISTS journal_deploy ON journal (target, id) WHERE what = 'deploy';
CREATE INDEX IF NOT EXISTS journal_untold ON journal (id) WHERE what = 'switch' AND ended_at IS NOT NULL AND told = 0;
