-- The last lines of the user's own commands that carried an order out.
ALTER TABLE journal ADD COLUMN output TEXT;
